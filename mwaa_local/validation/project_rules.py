"""Rules about the DAGs folder as a whole: ignore files, junk, names, DAGs that occur twice."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from mwaa_local.validation.dag_check import FileReport
from mwaa_local.validation.dag_folder import DagFolder
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.ignore_file import BadLine, IgnoreDialect, IgnoreSyntax, looks_like_glob
from mwaa_local.validation.rule import Rule

IGNORE_SYNTAX = Rule(
    "ignore-file-syntax",
    Severity.ERROR,
    "A line of .airflowignore cannot be read in the dialect of this version.",
    "Write a regular expression: `.*\\.sql` instead of `*.sql`.",
    "MWAA-FACTS 2.5, 11.3 #30",
)
IGNORE_GLOB = Rule(
    "ignore-file-glob",
    Severity.WARNING,
    "A line of .airflowignore is a glob, and this version reads regular expressions.",
    "Write a regular expression: `etl/configs/.*` instead of `etl/configs/*`.",
    "MWAA-FACTS 2.5, 11.3 #30",
)
DUPLICATE_DAG = Rule(
    "duplicate-dag-id",
    Severity.ERROR,
    "Two files make a DAG of the same name: which one runs is a matter of chance.",
    "Rename one of them.",
    "Airflow's DagBag (the later file replaces the earlier one)",
)
JUNK = Rule(
    "junk-in-dags",
    Severity.WARNING,
    "A folder does not belong among the DAGs: it is uploaded, and Airflow searches it.",
    "Move it out, or name it in .airflowignore and keep it from being uploaded.",
    "MWAA-FACTS 2.5, 11.3 #30",
)
BIG_FILE = Rule(
    "big-file-in-dags",
    Severity.INFO,
    "A large file lies among the DAGs: every scheduler and worker copies it.",
    "Keep it in another part of the bucket, and fetch it in the task.",
    "MWAA-FACTS 2.3, 2.4",
)
NAME_CASE = Rule(
    "names-differ-in-case",
    Severity.WARNING,
    "Two names differ in upper and lower case only: on a Mac or Windows they are one file.",
    "Rename one of them.",
    "MWAA-FACTS 11.3 #35",
)
UNREADABLE = Rule(
    "unreadable-in-dags",
    Severity.ERROR,
    "Something among the DAGs cannot be read.",
    "Correct its permissions, or remove the broken link.",
    "mwaa-local",
)
NO_DAG_FILE = Rule(
    "no-dag-file",
    Severity.WARNING,
    "The DAGs folder has no Python file that Airflow would read.",
    "Put a DAG there; `.airflowignore` may hide more than it should.",
    "MWAA-FACTS 2.3",
)

PROJECT_RULES: tuple[Rule, ...] = (
    IGNORE_SYNTAX,
    IGNORE_GLOB,
    DUPLICATE_DAG,
    JUNK,
    BIG_FILE,
    NAME_CASE,
    UNREADABLE,
    NO_DAG_FILE,
)


def check_ignore_files(folder: DagFolder, prefix: str, dialect: IgnoreDialect) -> Iterator[Finding]:
    """Find lines of ignore files that Airflow cannot use, or reads otherwise than they were meant."""
    for file in folder.ignore_files:
        for bad in file.bad:
            yield _bad_line(prefix + file.path, bad, dialect)
        if dialect.syntax is IgnoreSyntax.REGEXP:
            for line in file.lines:
                if looks_like_glob(line.text):
                    message = f"`{line.text[:80]}` is read as a regular expression, not as a glob."
                    yield _finding(IGNORE_GLOB, message, prefix + file.path, line.line)


def _bad_line(path: str, bad: BadLine, dialect: IgnoreDialect) -> Finding:
    stops = "Airflow stops with it and lists no DAG at all"
    effect = stops if dialect.dotted else "Airflow leaves the line out"
    return _finding(IGNORE_SYNTAX, f"`{bad.text[:80]}`: {bad.reason}; {effect}.", path, bad.line)


def check_folder(folder: DagFolder, prefix: str) -> Iterator[Finding]:
    """Find what does not belong into the DAGs folder."""
    for path, hidden in folder.junk:
        also = (
            "it is hidden from Airflow, but would be uploaded" if hidden else "Airflow searches it for DAGs"
        )
        severity = Severity.INFO if hidden else JUNK.severity
        yield Finding(JUNK.id, severity, f"{prefix}{path}: {also}.", JUNK.hint, None, JUNK.source)
    for path, size in folder.big:
        yield _finding(BIG_FILE, f"{size / 1048576:.0f} MB.", prefix + path, 1)
    for path in folder.unreadable:
        yield _finding(UNREADABLE, "It cannot be read.", prefix + path, 1)
    if not folder.python:
        yield Finding(
            NO_DAG_FILE.id,
            NO_DAG_FILE.severity,
            NO_DAG_FILE.summary,
            NO_DAG_FILE.hint,
            None,
            NO_DAG_FILE.source,
        )
    names: dict[str, str] = {}
    for path in folder.names:
        other = names.setdefault(path.casefold(), path)
        if other != path:
            yield _finding(NAME_CASE, f"Beside it lies {prefix}{other}.", prefix + path, 1)


def check_dag_ids(reports: Iterable[FileReport]) -> Iterator[Finding]:
    """Find DAGs that more than one file makes, or that one file makes twice."""
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for report in reports:
        for each in report.dag_ids:
            if not each.silenced:
                places[each.dag_id].append((report.path, each.line))
    for dag_id, found in sorted(places.items()):
        first, *others = sorted(found)
        # Twice in one file is mostly an `if` or a `try`.
        for file, line in (each for each in others if each[0] != first[0]):
            yield _finding(
                DUPLICATE_DAG, f"The DAG {dag_id!r} is made in {first[0]}:{first[1]} too.", file, line
            )


def _finding(rule: Rule, message: str, file: str, line: int) -> Finding:
    return Finding(rule.id, rule.severity, message, rule.hint, Location(file, line), rule.source)
