"""How a service's health is asked."""

import json
import os
from pathlib import Path

import pytest

from mwaa_local.ports import HttpAnswer
from mwaa_local.runtime.readiness import BEAT_LIMIT, Prober, is_component_healthy
from mwaa_local.stack import AliveProbe, BeatProbe, HttpProbe, PostgresProbe
from tests.fakes import FakeClock, FakeHttp

PAGE = json.dumps(
    {"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "odd": None}
).encode()


def prober(http: FakeHttp | None = None, clock: FakeClock | None = None) -> Prober:
    return Prober(http or FakeHttp(), clock or FakeClock(), lambda port: port == 5432)


@pytest.mark.parametrize(
    ("answer", "component", "healthy"),
    [
        (HttpAnswer(200, b"anything"), "", True),
        (HttpAnswer(0, b""), "", False),
        (HttpAnswer(503, PAGE), "", False),
        (HttpAnswer(200, PAGE), "scheduler", True),
        (HttpAnswer(200, PAGE), "triggerer", False),
        (HttpAnswer(200, PAGE), "odd", False),
        (HttpAnswer(200, PAGE), "absent", False),
        (HttpAnswer(503, PAGE), "scheduler", None),
        (HttpAnswer(0, b""), "scheduler", None),
        (HttpAnswer(200, b"<html>"), "scheduler", False),
        (HttpAnswer(200, b"[]"), "scheduler", False),
    ],
)
def test_a_component_is_healthy_when_the_page_says_so(
    answer: HttpAnswer, component: str, healthy: bool | None
) -> None:
    assert is_component_healthy(answer, component) is healthy


def test_a_page_is_asked_for_over_http() -> None:
    http = FakeHttp({"http://127.0.0.1:1/health": HttpAnswer(200, b"")})

    assert prober(http).is_healthy(HttpProbe("http://127.0.0.1:1/health"), 0.0)
    assert not prober(http).is_healthy(HttpProbe("http://127.0.0.1:2/health"), 0.0)


def test_a_database_is_asked_on_its_port() -> None:
    assert prober().is_healthy(PostgresProbe(5432), 0.0)
    assert not prober().is_healthy(PostgresProbe(5433), 0.0)


def test_a_process_that_is_only_watched_is_healthy_after_some_seconds() -> None:
    assert not prober().is_healthy(AliveProbe(5.0), 4.9)
    assert prober().is_healthy(AliveProbe(5.0), 5.0)


def test_a_worker_is_healthy_while_it_touches_its_file(tmp_path: Path) -> None:
    clock, path = FakeClock(), tmp_path / "worker.beat"
    asked = prober(clock=clock)
    assert not asked.is_healthy(BeatProbe(str(path)), 0.0)

    for beat in range(3):
        path.write_text(str(beat))
        os.utime(path, ns=(beat, beat))
        assert asked.is_healthy(BeatProbe(str(path)), 0.0)
        clock.sleep(BEAT_LIMIT - 1)
    clock.sleep(1)

    assert not asked.is_healthy(BeatProbe(str(path)), 0.0)


@pytest.mark.parametrize("jump", [-86400, 86400])
def test_a_clock_that_jumps_makes_no_worker_look_dead(tmp_path: Path, jump: int) -> None:
    clock, path = FakeClock(), tmp_path / "worker.beat"
    asked = prober(clock=clock)
    path.touch()
    assert asked.is_healthy(BeatProbe(str(path)), 0.0)

    clock.sleep(5.0)
    stamp = path.stat().st_mtime + jump
    os.utime(path, (stamp, stamp))

    assert asked.is_healthy(BeatProbe(str(path)), 0.0)
