"""Rules about what a startup script did when it ran, and shellcheck's comments as findings."""

from collections.abc import Callable, Iterator

from mwaa_local.airflow_settings import find_reserved_exports
from mwaa_local.catalog import MwaaVersion
from mwaa_local.startup_report import ShellComment, StartupReport
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.rule import Rule

_SLOW = 0.8
"""Of the limit."""
_GUIDE = "MWAA-FACTS 5"

TIMED_OUT = Rule(
    "startup-timeout",
    Severity.ERROR,
    "The startup script takes longer than MWAA allows.",
    "MWAA stops it after five minutes and the update of the environment fails: do less, or do it in an image of tasks.",
    _GUIDE,
)
SLOW = Rule(
    "startup-slow",
    Severity.WARNING,
    "The startup script takes nearly as long as MWAA allows.",
    "A component of MWAA may be slower than this machine.",
    _GUIDE,
)
EARLY = Rule(
    "startup-ended-early",
    Severity.ERROR,
    "The startup script ends before MWAA can read its variables.",
    "It was ended by `set -e`, `exec` or a signal; on MWAA the component would never become healthy.",
    _GUIDE,
)
FAILED = Rule(
    "startup-exit-code",
    Severity.WARNING,
    "The startup script ends with an exit code other than 0.",
    "MWAA starts the component all the same: look whether everything was done.",
    _GUIDE,
)
OVERWRITTEN = Rule(
    "startup-overwritten",
    Severity.WARNING,
    "The startup script exports variables that MWAA sets itself.",
    "Leave them out, or use an Airflow configuration option where there is one.",
    _GUIDE,
)
NOT_EXPORTED = Rule(
    "startup-not-exported",
    Severity.WARNING,
    "The startup script sets variables without exporting them.",
    "Only exported variables reach Airflow: put `export` before them if it needs them.",
    _GUIDE,
)
STARTUP_RUN_RULES = (TIMED_OUT, SLOW, EARLY, FAILED, OVERWRITTEN, NOT_EXPORTED)

_LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING}


def check_startup_run(
    report: StartupReport,
    version: MwaaVersion,
    file: str,
    is_told: Callable[[str], bool] = lambda _name: False,
) -> Iterator[Finding]:
    """Yield what is wrong with a run; findings point to the script `file`.

    `is_told`: the script's text has shown already that MWAA overwrites a variable, and in which line.
    """
    who = f"({report.component})"
    if report.timed_out:
        yield _finding(TIMED_OUT, f"The script did not end within {report.limit:.0f} s {who}.", file)
    elif report.ended_early:
        yield _finding(EARLY, f"The script ended early with exit code {report.exit_code} {who}.", file)
    elif report.exit_code:
        yield _finding(FAILED, f"The script ended with exit code {report.exit_code} {who}.", file)
    if not report.timed_out and report.seconds > _SLOW * report.limit:
        yield _finding(SLOW, f"The script took {report.seconds:.0f} s of {report.limit:.0f} s {who}.", file)
    exported = [name for name, _ in report.exported if not is_told(name)]
    reserved = find_reserved_exports(version, exported)
    if reserved:
        yield _finding(OVERWRITTEN, f"MWAA overwrites {', '.join(reserved)} {who}.", file)
    lost = [name for name, _ in report.unexported if name.isupper()]
    if lost:
        yield _finding(NOT_EXPORTED, f"Set but not exported: {', '.join(lost)} {who}.", file)


def shellcheck_findings(comments: tuple[ShellComment, ...], file: str) -> Iterator[Finding]:
    """Yield shellcheck's comments as findings; only what is no valid shell code (SC1xxx) is an error."""
    for comment in comments:
        severity = _LEVELS.get(comment.level, Severity.INFO)
        if severity is Severity.ERROR and comment.code >= 2000:
            severity = Severity.WARNING
        yield Finding(
            f"shellcheck-SC{comment.code}",
            severity,
            comment.message,
            f"https://www.shellcheck.net/wiki/SC{comment.code}",
            Location(file, comment.line, comment.column),
            "shellcheck",
        )


def _finding(rule: Rule, message: str, file: str) -> Finding:
    return Finding(rule.id, rule.severity, message, rule.hint, Location(file, 1), rule.source)
