"""Follows the update of an environment before the user's eyes, and says what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from mwaa_local.aws_ports import AwsAccess, EnvironmentChange, EnvironmentRecord, S3Source
from mwaa_local.cli.look import make_clock
from mwaa_local.cli.progress import Progress
from mwaa_local.cli.render import render_duration
from mwaa_local.deploy.environment_update import UpdateOutcome, Verdict, Watch, wait_for_update
from mwaa_local.deploy.manifest import Part
from mwaa_local.deploy.update_logs import UpdateLogs, read_update_logs
from mwaa_local.errors import AwsError

LOG_LAG = 60.0
"""Seconds before the update was accepted here from which its log lines are taken: clocks differ."""

SPELL = 300.0
"""Seconds after which the wait says again that it waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How an update is followed: `again` is the command line that goes on with it."""

    access: AwsAccess
    progress: Progress
    timeout: float
    again: str
    before: EnvironmentRecord | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of an update."""

    outcome: UpdateOutcome
    logs: UpdateLogs

    @property
    def is_good(self) -> bool:
        """Tell whether the environment runs with everything that it was told to take."""
        return self.outcome.verdict is Verdict.DONE and not self.logs.failed

    def as_document(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "status": self.outcome.environment.status,
            "updated": self.outcome.verdict is Verdict.DONE,
            "error": self.outcome.error or None,
            "seconds": round(self.outcome.seconds, 1),
            "requirements_failed": self.logs.failed,
            "log": [{"stream": line.stream, "message": line.message} for line in self.logs.lines],
            "log_unread": self.logs.unread or None,
        }


def follow_update(name: str, change: EnvironmentChange | None, waiting: Waiting) -> Ending:
    """Wait until an update has ended, and read what the environment has logged meanwhile."""
    clock = make_clock()
    try:
        with waiting.progress.following(f"Environment {name}") as say:
            watch = Watch(
                waiting.access.environments,
                clock,
                waiting.timeout,
                lambda *look: say(describe_look(*look)),
                waiting.before,
            )
            outcome = wait_for_update(name, change, watch)
    except KeyboardInterrupt:
        click.echo(f"\nThe update goes on at AWS. To wait for it again: {waiting.again}", err=True)
        raise
    return Ending(
        outcome, read_update_logs(outcome.environment, waiting.access.logs, outcome.began - LOG_LAG)
    )


def describe_look(status: str, seconds: float) -> str:
    """Return a status, and every few minutes how long it lasts: pipelines end what says nothing."""
    spell = int(seconds // SPELL)
    return f"{status} for {render_duration(spell * SPELL)}" if spell else status


def describe_ending(ending: Ending) -> Iterator[str]:
    """Yield what is to be said of the logs: all that tells of a failure."""
    bad = not ending.is_good
    if bad and ending.logs.lines:
        stream = ""
        for line in ending.logs.lines:
            if line.stream != stream:
                stream = line.stream
                yield f"{dict(ending.outcome.environment.log_groups).get('SchedulerLogs', '')}/{stream}:"
            yield f"  {line.message.rstrip()}"
    elif bad and not ending.logs.unread:
        yield "Its logs say nothing about the installation of requirements."
    if ending.logs.unread and (bad or not ending.logs.is_off):
        yield f"The log of the installation could not be read: {ending.logs.unread}"


def require_success(ending: Ending, deployment: str, again: str) -> None:
    """Raise AwsError if the environment does not run with what it was told to take."""
    environment, verdict = ending.outcome.environment, ending.outcome.verdict
    back = f"go back with: mwaa-local rollback {deployment}"
    if verdict is Verdict.GOING_ON:
        raise AwsError(
            f"Environment {environment.name} is still {environment.status} after "
            f"{render_duration(ending.outcome.seconds)}.",
            hint=f"It goes on at AWS. To wait again: {again}",
        )
    if verdict is Verdict.FAILED:
        why = ending.outcome.error or "the service gives no reason"
        raise AwsError(
            f"The update of environment {environment.name} failed ({environment.status}): {why}",
            hint=f"The environment runs as before. Correct it and deploy again, or {back}",
        )
    if ending.logs.failed:
        raise AwsError(
            f"Environment {environment.name} is {environment.status}, but its log says that an installation failed.",
            hint=f"MWAA starts Airflow all the same, without it. Correct it and deploy again, or {back}",
        )


def change_to(sources: dict[Part, S3Source]) -> EnvironmentChange:
    """Return what an update was asked for."""
    return EnvironmentChange(
        plugins=sources.get(Part.PLUGINS),
        requirements=sources.get(Part.REQUIREMENTS),
        startup_script=sources.get(Part.STARTUP_SCRIPT),
    )
