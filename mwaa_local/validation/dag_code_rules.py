"""Rules about the code of DAG files: secrets, local files, REST calls, and whether Airflow reads the file at all."""

import ast
import re
from collections.abc import Iterator

from mwaa_local.dag_files import missing_words
from mwaa_local.validation.dag_source import CallSite, DagSource
from mwaa_local.validation.finding import Severity
from mwaa_local.validation.rule import Problem, Surroundings, problem_at

_CERTAIN = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN (RSA |EC |OPENSSH |DSA )?PRIVATE KEY-----"
    r"|\bxox[bpars]-[0-9A-Za-z-]{10,}|\bgh[pousr]_[0-9A-Za-z]{36}\b"
    r"|\b[a-z][a-z0-9+]{2,20}://[^\s/:@'\"{}$<>%]{1,64}:[^\s/:@'\"{}$<>%]{3,64}@[\w.-]+"
)
_SIGNS = ("AKIA", "ASIA", "PRIVATE KEY", "xox", "gh", "://")
"""Without one of these the expensive search is not needed."""

_SECRET_NAME = re.compile(
    r"(?i)(.*_)?(password|passwd|passphrase|secret|secret_key|secret_access_key|api_?key|access_token|auth_token"
    r"|private_key|client_secret|token)"
)
_SECRET_WORDS = ("passw", "passphrase", "secret", "apikey", "api_key", "token", "private_key")
"""Every name that is one of a secret has one of these in it."""
_NO_SECRET = re.compile(
    r"(?i)$|\s*$|.*(\{\{|\$\{|<.*>|^arn:|^(airflow|secret|prod|dev|staging)[/_].*|\s|example|changeme|dummy|x{4,}|\*{3,}).*"
)
_REST = re.compile(
    r"/api/(v1|v2|experimental)/(dags|dagRuns|pools|variables|connections|health|eventLogs|assets|test)\b"
)
_WRITERS = frozenset(
    {
        "write_text",
        "write_bytes",
        "to_csv",
        "to_parquet",
        "to_json",
        "to_pickle",
        "to_excel",
        "savefig",
        "download_file",
        "download_fileobj",
        "retrieve_file",
        "copy_expert",
    }
)
_SHELL_FILE = re.compile(r"(>>?|\btee\b|-o|--output)\s*(/(?:tmp|usr/local/airflow|var/tmp)/[\w./{}-]+)")
_LOCAL = re.compile(r"(?!.*://)(/|\./|\.\./|[\w.-]+\.\w{1,8}$).*", re.DOTALL)


def secret_in_code(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find keys, passwords and tokens; their values are not repeated in the message."""
    lines = set()
    if any(sign in source.text for sign in _SIGNS):
        for number, line in enumerate(source.text.splitlines(), start=1):
            found = _CERTAIN.search(line[:2000]) if any(sign in line for sign in _SIGNS) else None
            if found:
                lines.add(number)
                kind = (
                    "a URL with a password"
                    if "://" in found[0]
                    else "a private key"
                    if "BEGIN" in found[0]
                    else "an access key or token"
                )
                yield Problem(
                    number,
                    found.start() + 1,
                    f"The file holds {kind}.",
                    last_line=number,
                    severity=Severity.ERROR,
                )
    lower = source.text.lower()
    if not any(word in lower for word in _SECRET_WORDS):
        return
    for name, value, text in source.literals:
        if (
            6 <= len(text) <= 500
            and _SECRET_NAME.fullmatch(name)
            and not _NO_SECRET.fullmatch(text)
            and text.lower() != name.lower()
            and value.lineno not in lines
        ):
            yield problem_at(value, f"{name} seems to be a secret, written into the file.")


def local_file_between_tasks(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find local files that one task writes and another one reads: they may run in different containers."""
    if "open(" in source.text or any(word in source.text for word in _WRITERS):
        yield from _python_files(source)
    yield from _shell_files(source)


def _python_files(source: DagSource) -> Iterator[Problem]:
    uses: dict[str, list[tuple[str, bool, ast.Call]]] = {}
    for call in source.calls:
        if call.scope.runs_at_parse:
            continue
        for path, writes in _paths(call, source):
            uses.setdefault(path, []).append((call.scope.name, writes, call.node))
    for path, places in uses.items():
        writers = [place for place in places if place[1]]
        others = {name for name, _, _ in places}
        if writers and len(others) > 1:
            name, _, node = writers[0]
            readers = ", ".join(sorted(f"{each}()" for each in others - {name})[:3])
            yield problem_at(node, f"{path} is written in {name}() and used in {readers}.")


def _paths(call: CallSite, source: DagSource) -> Iterator[tuple[str, bool]]:
    opens = call.name in ("open", "io.open", "codecs.open")
    writes = call.last in _WRITERS
    base = call.node.func.value if type(call.node.func) is ast.Attribute else None
    candidates = [*call.node.args, *(each.value for each in call.node.keywords)]
    if opens:
        mode = call.node.args[1] if len(call.node.args) > 1 else call.keyword("mode")
        writes = (
            type(mode) is ast.Constant and isinstance(mode.value, str) and bool(set(mode.value) & set("wax+"))
        )
        candidates = call.node.args[:1]
    elif type(base) is ast.Call:
        candidates += base.args
    for each in candidates:
        path = _literal_path(each, source)
        if path and (path.startswith("/") or ((opens or writes) and _LOCAL.fullmatch(path))):
            yield path, writes


def _literal_path(node: ast.expr, source: DagSource) -> str:
    if type(node) is ast.Constant and isinstance(node.value, str):
        return node.value if len(node.value) < 300 and "\n" not in node.value else ""
    if type(node) is ast.Name:
        value = source.constants.get(node.id, "")
        return value if len(value) < 300 else ""
    if type(node) is ast.JoinedStr and node.values and type(node.values[0]) is ast.Constant:
        first = str(node.values[0].value)
        return ast.unparse(node)[2:-1] if first.startswith("/") else ""
    return ""


def _shell_files(source: DagSource) -> Iterator[Problem]:
    commands = [(value, text) for name, value, text in source.literals if name == "bash_command"]
    for node, text in commands:
        for written in _SHELL_FILE.finditer(text[:20000]):
            path = written[2]
            if any(path in other for inner, other in commands if inner is not node):
                yield problem_at(node, f"{path} is written by one BashOperator and used by another.")


def rest_api_call(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find calls of Airflow's REST API, which this version on MWAA denies or answers elsewhere."""
    version = around.version
    if version.rest_api == "none":
        for call in source.calls:
            if call.last == "invoke_rest_api":
                yield problem_at(call.node, f"MWAA has no InvokeRestApi for Airflow {version.airflow}.")
    if not _REST.search(source.text):
        return
    answers = {"none": (), "v1": ("v1",), "v2": ("v2",)}[version.rest_api]
    for node in ast.walk(source.tree):
        if type(node) is ast.Constant and isinstance(node.value, str):
            found = _REST.search(node.value[:5000])
            if found and found[1] not in answers:
                which = f"only /api/{answers[0]}" if answers else "no REST API"
                yield problem_at(
                    node, f"/api/{found[1]} is called: Airflow {version.airflow} on MWAA answers on {which}."
                )


def virtualenv_operator(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find tasks that make a virtual environment of their own, which takes a program that MWAA's image has not got."""
    for call in source.operators:
        if call.last == "PythonVirtualenvOperator" or call.name.endswith("task.virtualenv"):
            yield problem_at(
                call.node,
                f"{call.last} calls virtualenv, and MWAA lets pip install for the user only (PIP_USER).",
            )


def never_scanned(source: DagSource, around: Surroundings) -> Iterator[Problem]:
    """Find DAGs in files that Airflow does not open, because a word is missing that it looks for first."""
    missing = missing_words(source.text.encode("utf-8", "surrogatepass"), around.version.number)
    if not missing:
        return
    for call in source.parsed_calls:
        makes = call in source.dags or re.search(
            r"(?i)(^|_)dags?($|_)|(create|make|build|generate)_?dags?", call.last
        )
        if makes and call.scope.name == "":
            yield problem_at(
                call.node,
                f"This file makes a DAG, but Airflow never reads it: the word '{missing[0]}' does not occur in it.",
            )
            return
