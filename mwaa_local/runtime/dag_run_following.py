"""Follow a run of a DAG to its end, although the environment that it runs in may be replaced meanwhile."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from mwaa_local.errors import CommandError
from mwaa_local.ports import Clock, CommandRunner
from mwaa_local.runtime.dag_runs import (
    DagRunEvent,
    DagRunRequest,
    DagRunResult,
    Followed,
    add_event,
    parse_event,
)
from mwaa_local.runtime.objects import AirflowProgram

Return = Callable[[], AirflowProgram]
"""Waits until an environment that has gone away runs again, and returns what reaches it; else MwaaLocalError."""
_REQUEST_VARIABLE = "MWAA_LOCAL_REQUEST"
_LAST_LINES = 30
_ATTEMPTS = 3
_SOON = 10.0
"""Seconds: what breaks off sooner, one time after the other, is not ended by what happens to its environment."""


def follow_dag_run(
    commands: CommandRunner,
    program: AirflowProgram,
    request: DagRunRequest,
    on_event: Callable[[DagRunEvent], None],
    clock: Clock,
    returned: Return,
) -> DagRunResult:
    """Run a DAG with the Airflow environment's interpreter and report each event as it comes.

    The program that follows lives in the environment. If it breaks off when the run exists, another one follows on as
    soon as the environment has `returned`, whose error ends it. CommandError if the program breaks off again and again.
    """
    result = DagRunResult(request.dag_id)
    deadline = clock.monotonic() + request.timeout if request.timeout else None
    failures = 0
    while True:
        began = clock.monotonic()
        result, exit_code, said = _follow_once(commands, program, request, result, on_event)
        if result.state != "running":
            return result
        failures = failures + 1 if clock.monotonic() - began < _SOON else 1
        if not result.run_id or failures == _ATTEMPTS:
            raise CommandError(
                f"Following the run of {request.dag_id!r} broke off with exit code {exit_code}:\n{said}",
                hint="The run itself may go on; see it in the Airflow UI.",
            )
        program = returned()
        # What is left of the time; a program that has none left looks once.
        left = max(deadline - clock.monotonic(), 0.001) if deadline is not None else None
        request = replace(request, follow=_followed(result), timeout=left)


def _follow_once(
    commands: CommandRunner,
    program: AirflowProgram,
    request: DagRunRequest,
    result: DagRunResult,
    on_event: Callable[[DagRunEvent], None],
) -> tuple[DagRunResult, int, str]:
    """Return what is known when the program ends, its exit code, and what it said beside its events."""
    others: deque[str] = deque(maxlen=_LAST_LINES)

    def read(line: str) -> None:
        nonlocal result
        event = parse_event(line)
        if event is None:
            others.append(line)
            return
        result = add_event(result, event)
        on_event(event)

    command = (*program.prefix, str(program.python), "-m", "mwaa_inside.run_dag")
    # The configuration of a run may hold secrets: an environment is private, a command line is not.
    variables = {**program.environment, _REQUEST_VARIABLE: request.to_json()}
    exit_code = commands.stream(command, read, env=variables, leash=True)
    return result, exit_code, "\n".join(others)


def _followed(result: DagRunResult) -> Followed:
    changes = (task.change for task in result.tasks if task.change.state != "failed" or task.log)
    known = ((each.task_id, each.map_index, each.state, each.try_number) for each in changes)
    return Followed(result.run_id, result.logical_date, tuple(known))
