"""What is to be said of a reading of DAG files: Airflow's word, what the rules add, and what is known or silenced."""

from collections.abc import Sequence
from pathlib import Path

from mwaa_local.cli.dag_testing import KNOWN, DagTesting
from mwaa_local.dag_report import DagReport
from mwaa_local.errors import UsageError
from mwaa_local.runtime.dag_tests import ReadingLimits
from mwaa_local.validation.dag_check import without_silenced
from mwaa_local.validation.dag_report_rules import check_report
from mwaa_local.validation.finding import Finding, order_findings
from mwaa_local.validation.known_failures import KnownFailure, apply_known_failures, parse_known_failures


def judge_reading(
    testing: DagTesting,
    report: DagReport,
    limits: ReadingLimits,
    rules: Sequence[Finding],
    known: Path | None,
) -> tuple[Finding, ...]:
    """Return all findings of a reading, in reading order; `rules` are those of the rules about code."""
    root = testing.project.root
    found = [*check_report(report, testing.dag_limits(limits))]
    found = list(without_silenced(found, lambda file: _text_of(root / file)))
    return with_known(order_findings([*found, *_further(found, rules)]), known, root)


def with_known(findings: Sequence[Finding], known: Path | None, root: Path) -> tuple[Finding, ...]:
    """Return findings with the errors of files that may fail as notes; `known` None: the project's own list."""
    name, lines = _known_failures(known, root)
    return tuple(apply_known_failures(findings, lines, name, complete=True))


def _further(found: Sequence[Finding], rules: Sequence[Finding]) -> list[Finding]:
    """Return what the rules add: Airflow's own word on a file's errors, accesses and names goes first."""
    files = {each.location.file for each in found if each.location and each.rule_id != "duplicate-dag-id"}
    told = {(each.rule_id, each.location.file) for each in found if each.location}
    read = {(each.location.file, each.location.line) for each in found if each.location}
    return [
        each
        for each in rules
        if not each.location
        or not (
            (each.rule_id, each.location.file) in told
            or (each.rule_id == "python-syntax" and each.location.file in files)
            or (each.rule_id.startswith("top-level-") and (each.location.file, each.location.line) in read)
        )
    ]


def _known_failures(known: Path | None, root: Path) -> tuple[str, tuple[KnownFailure, ...]]:
    path = known or root / KNOWN
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        return name, parse_known_failures(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if known is None:
            return name, ()
        raise UsageError(
            f"{known} does not exist.", hint="Give a file that lists DAG files, one a line."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", hint="Save it as UTF-8 text.") from error


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
