"""What a startup script did for one component: values that the test of it brings and that rules judge."""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class StartupReport:
    """One run of the script."""

    component: str
    exit_code: int
    ended_early: bool
    """By `set -e`, `exec` or a signal, so that MWAA never sees its variables."""
    timed_out: bool
    seconds: float
    limit: float
    exported: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    unexported: tuple[tuple[str, str], ...]
    recorded: tuple[str, ...]
    """Commands that were shown, not run."""
    output: str
    sandboxed: bool = True
    """It could write in its HOME and in temporary folders only."""

    @property
    def refused(self) -> tuple[str, ...]:
        """Return what it said of places where it could not write."""
        if not self.sandboxed:
            return ()
        lines = (line.strip() for line in self.output.splitlines())
        return tuple(dict.fromkeys(line for line in lines if line.endswith("Read-only file system")))


def merge_equal(reports: Iterable[StartupReport]) -> tuple[StartupReport, ...]:
    """Return one report for all components where the script did the same; the longest time counts."""
    groups: dict[StartupReport, list[StartupReport]] = {}
    for report in reports:
        groups.setdefault(replace(report, component="", seconds=0.0, output=""), []).append(report)
    return tuple(
        replace(
            same[0],
            component=", ".join(report.component for report in same),
            seconds=max(report.seconds for report in same),
        )
        for same in groups.values()
    )


@dataclass(frozen=True, slots=True)
class ShellComment:
    """Something that shellcheck says about a line."""

    line: int
    column: int
    code: int
    level: str
    """error, warning, info or style."""
    message: str
