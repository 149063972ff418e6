"""The stack and its file form."""

import json
from dataclasses import replace

import pytest

from mwaa_local.errors import RuntimeStateError
from mwaa_local.stack import (
    AliveProbe,
    BeatProbe,
    HttpProbe,
    LauncherSpec,
    PostgresProbe,
    Probe,
    Stack,
    parse_stack,
    render_stack,
)
from tests.unit.test_convergence import service

LAUNCHER = LauncherSpec(("python", "-m", "x"), (("A", "1"),), "/home", "/logs/launcher.log")
PROBES: tuple[Probe, ...] = (
    HttpProbe("http://127.0.0.1:8080/health", "scheduler"),
    PostgresProbe(5432),
    BeatProbe("/run/worker.beat"),
    AliveProbe(2.5),
)


def stack(probe: Probe = PROBES[0], launcher: LauncherSpec | None = LAUNCHER) -> Stack:
    spec = replace(service("worker", "postgres"), probe=probe, environment=(("B", "2"), ("A", "1")))
    return Stack((spec,), launcher, "run-1")


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("launcher", [LAUNCHER, None])
def test_a_stack_is_read_as_it_was_written(probe: Probe, launcher: LauncherSpec | None) -> None:
    original = stack(probe, launcher)

    assert parse_stack(render_stack(original)) == original


def test_two_runs_of_the_same_stack_have_the_same_digest() -> None:
    assert replace(stack(), run_id="run-2").digest == stack().digest


def test_another_environment_is_another_digest() -> None:
    changed = replace(stack().services[0], environment=(("A", "2"),))

    assert replace(stack(), services=(changed,)).digest != stack().digest


def damaged(**changes: object) -> str:
    document = json.loads(render_stack(stack()))
    document["services"][0].update(changes)
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"services": []}',
        '{"services": 1, "launcher": null, "run_id": ""}',
        damaged(probe={"kind": "odd"}),
        damaged(probe={"kind": "http", "port": 1}),
        damaged(probe=None),
        damaged(environment=[["only a name"]]),
        damaged(command=None),
    ],
)
def test_a_damaged_document_is_one_clear_error(text: str) -> None:
    with pytest.raises(RuntimeStateError, match="The record of the running environment is damaged") as caught:
        parse_stack(text)
    assert "mwaa-local stop" in caught.value.hint
