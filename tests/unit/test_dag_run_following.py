"""A run is followed line by line, and on into an environment that has been replaced meanwhile."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.errors import CommandError, RuntimeStateError
from mwaa_local.ports import CommandResult
from mwaa_local.runtime.dag_run_following import follow_dag_run
from mwaa_local.runtime.dag_runs import DagRunEvent, DagRunRequest, DagRunResult
from mwaa_local.runtime.objects import AirflowProgram
from tests.fakes import FakeClock, FakeCommands, RanCommand

FIRST, SECOND = AirflowProgram(Path("py"), {"A": "b"}), AirflowProgram(Path("newer"), {})
TRIGGERED = {"event": "triggered", "dag_id": "d", "run_id": "r", "logical_date": "2024-01-01T00:00:00+00:00"}
FINISHED = {"event": "finished", "state": "success", "start": None, "end": None, "duration": None}
Asked = list[dict[str, Any]]


def task(name: str, state: str) -> dict[str, Any]:
    times = dict.fromkeys(("start", "end", "duration"))
    return {"event": "task", "task_id": name, "map_index": -1, "state": state, "try_number": 1, **times}


@dataclass(slots=True)
class Environment:
    """Programs that break off, each after a number of seconds and with what it says before."""

    clock: FakeClock = field(default_factory=FakeClock)
    asked: Asked = field(default_factory=list)
    returns: int = 0
    silence: RuntimeStateError | None = None

    def program(self, seconds: float, *events: dict[str, Any]) -> Callable[[RanCommand], CommandResult]:
        def run(command: RanCommand) -> CommandResult:
            assert command.env is not None
            self.asked.append(json.loads(command.env["MWAA_LOCAL_REQUEST"]))
            self.clock.time += seconds
            lines = [json.dumps({"mwaa_local": "run"} | event) for event in events]
            return CommandResult(137, "\n".join([*lines, "OperationalError: no database"]), "")

        return run

    def returned(self) -> AirflowProgram:
        if self.silence:
            raise self.silence
        self.returns += 1
        self.clock.time += 30
        return SECOND

    def follow(
        self, request: DagRunRequest, *programs: Callable[[RanCommand], CommandResult]
    ) -> tuple[DagRunResult, list[DagRunEvent]]:
        events: list[DagRunEvent] = []
        rest = iter(programs[1:])
        commands = FakeCommands({("py",): programs[0], ("newer",): lambda command: next(rest)(command)})
        result = follow_dag_run(commands, FIRST, request, events.append, self.clock, self.returned)
        return result, events


@pytest.fixture
def environment() -> Environment:
    return Environment()


def test_a_program_that_breaks_off_before_there_is_a_run_shows_what_it_said(environment: Environment) -> None:
    with pytest.raises(CommandError, match="OperationalError: no database") as raised:
        environment.follow(DagRunRequest("d"), environment.program(60))
    assert "'d' broke off with exit code 137" in raised.value.message
    assert environment.returns == 0


def test_an_environment_that_does_not_come_back_ends_it(environment: Environment) -> None:
    environment.silence = RuntimeStateError("stopped", hint="start it")
    with pytest.raises(RuntimeStateError, match="stopped"):
        environment.follow(DagRunRequest("d"), environment.program(60, TRIGGERED))


def test_what_breaks_off_at_once_is_not_tried_for_ever(environment: Environment) -> None:
    broken = environment.program(1)
    with pytest.raises(CommandError, match="broke off"):
        environment.follow(DagRunRequest("d"), environment.program(60, TRIGGERED), broken, broken, broken)
    assert len(environment.asked) == 3


def test_a_run_is_followed_line_by_line_and_its_configuration_stays_off_the_command_line(
    environment: Environment,
) -> None:
    commands = FakeCommands({("py",): environment.program(1, FINISHED)})
    events: list[DagRunEvent] = []
    request = DagRunRequest("d", conf={"password": "hush"}, process_logs=(Path("s.log"),))
    result = follow_dag_run(commands, FIRST, request, events.append, environment.clock, environment.returned)
    assert result.exit_code == 0
    assert events == [result.finished]
    (ran,) = commands.ran
    assert ran.command == ("py", "-m", "mwaa_inside.run_dag")
    assert ran.env is not None
    assert ran.env["A"] == "b"
    (sent,) = environment.asked
    assert (sent["dag_id"], sent["conf"], sent["process_logs"]) == ("d", {"password": "hush"}, ["s.log"])
    assert sent["follow"] is None


def test_the_next_program_follows_the_same_run_and_is_told_what_has_been_reported(
    environment: Environment,
) -> None:
    # The second task has failed, and its log has not come yet.
    before = (TRIGGERED, task("a", "success"), task("b", "failed"))
    replaced = [environment.program(60, *before), environment.program(60), environment.program(60, FINISHED)]
    result, events = environment.follow(DagRunRequest("d", timeout=200), *replaced)
    assert (result.exit_code, result.run_id, len(events)) == (0, "r", 4)
    follow = {"run_id": "r", "logical_date": TRIGGERED["logical_date"], "tasks": [["a", -1, "success", 1]]}
    assert [sent["follow"] for sent in environment.asked] == [None, follow, follow]
    assert [sent["timeout"] for sent in environment.asked] == [200, 110, 20]


def test_a_run_that_has_no_time_left_is_looked_at_once_more(environment: Environment) -> None:
    late = FINISHED | {"state": "timeout"}
    programs = environment.program(60, TRIGGERED), environment.program(60, late)
    result, _ = environment.follow(DagRunRequest("d", timeout=70), *programs)
    assert (result.state, result.exit_code) == ("timeout", 1)
    assert 0 < environment.asked[1]["timeout"] < 1
