"""Rules about the text of a startup script: what its lines would do on MWAA."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mwaa_local.airflow_settings import find_reserved_exports
from mwaa_local.catalog import MwaaVersion
from mwaa_local.validation.finding import Finding, Severity, order_findings
from mwaa_local.validation.rule import Problem, Rule, make_finding

_COMMENT = re.compile(r"(^|\s)#.*$")
_MANAGER = re.compile(r"(?P<sudo>\bsudo\s+(?:-\S+\s+)*)?\b(?P<manager>yum|dnf)\s+(?P<rest>[^;&|]*)")
_NETWORK = re.compile(
    r"\b(yum|dnf)\s+(?:-\S+\s+)*(install|update|upgrade|localinstall)\b|\bpip3?\s+install\b|\b(curl|wget)\s|\bgit\s+clone\b"
)
_GUARD = re.compile(r"MWAA_AIRFLOW_COMPONENT")
_EXPORT = re.compile(r"^\s*(?:export|declare\s+-\w*x\w*)\s+(?P<names>.+)$")
_NAME = re.compile(r"(?:^|\s)(?P<name>[A-Za-z_]\w*)=")
_APT = re.compile(r"(^|[;&|]\s*|\bsudo\s+(?:-\S+\s+)*)apt(-get)?\s")
_PYTHON = re.compile(
    r"\b(?:yum|dnf)\s[^;&|]*\binstall\b[^;&|]*\bpython3[.\d]*(?=\s|$)|\balternatives\s+--set\s+python"
)


@dataclass(frozen=True, slots=True)
class StartupScript:
    """What a rule may look at."""

    content: bytes
    file: str
    """What the user calls it."""
    version: MwaaVersion

    @property
    def lines(self) -> tuple[tuple[int, str], ...]:
        """Return the numbered lines, comments taken away and continued lines joined."""
        found: list[tuple[int, str]] = []
        start, joined = 0, ""
        for number, line in enumerate(self.content.decode("utf-8", "replace").splitlines(), start=1):
            code = _COMMENT.sub("", line).rstrip()
            start = start or number
            if code.endswith("\\"):
                joined += code[:-1] + " "
                continue
            found.append((start, joined + code))
            start, joined = 0, ""
        return (*found, (start, joined)) if joined else tuple(found)


Problems = Iterator[Problem]


@dataclass(frozen=True, slots=True)
class StartupRule:
    """A rule about the text of a startup script."""

    rule: Rule
    check: Callable[[StartupScript], Problems]


def _line_endings(script: StartupScript) -> Problems:
    at = script.content.find(b"\r\n")
    if at >= 0:
        line = script.content.count(b"\n", 0, at) + 1
        yield Problem(
            line, None, "The lines end with CRLF (Windows): bash takes the \\r for a part of each command."
        )


def _encoding(script: StartupScript) -> Problems:
    for mark, name in (
        (b"\xef\xbb\xbf", "UTF-8 with a byte order mark"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ):
        if script.content.startswith(mark):
            yield Problem(
                1, None, f"The file is {name}: bash takes the first bytes for a part of the first command."
            )


def _interpreter(script: StartupScript) -> Problems:
    first = script.content.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    if first.startswith("#!") and not re.search(r"\b(ba)?sh\b", first):
        yield Problem(1, None, f"The script names {first[2:].strip()}, but MWAA sources it in bash.")


def _unsupported(script: StartupScript) -> Problems:
    if not script.version.startup_script:
        yield Problem(1, None, f"MWAA {script.version.airflow} runs no startup script.")


def _updates(script: StartupScript) -> Problems:
    for number, line in script.lines:
        for match in _MANAGER.finditer(line):
            rest = match["rest"]
            if re.search(r"(^|\s)(update|upgrade)\b", rest) and not re.search(
                r"--exclude[= ]\S*python", rest
            ):
                yield Problem(number, None, f"`{match['manager']} update` may replace MWAA's Python.")


def _without_sudo(script: StartupScript) -> Problems:
    for number, line in script.lines:
        for match in _MANAGER.finditer(line):
            if not match["sudo"] and re.search(
                r"(^|\s)(install|update|upgrade|remove|erase|localinstall)\b", match["rest"]
            ):
                yield Problem(
                    number, None, f"`{match['manager']}` needs root, and the script runs as the user airflow."
                )


def _foreign_managers(script: StartupScript) -> Problems:
    for number, line in script.lines:
        if _APT.search(line):
            yield Problem(
                number,
                None,
                f"{script.version.base_os} has no apt.",
                "Use yum, and the package names of Amazon Linux.",
            )
        if script.version.base_os == "Amazon Linux 2" and any(
            m["manager"] == "dnf" for m in _MANAGER.finditer(line)
        ):
            yield Problem(number, None, "Amazon Linux 2 has no dnf.", "Use yum.")


def _python(script: StartupScript) -> Problems:
    for number, line in script.lines:
        if _PYTHON.search(line):
            yield Problem(
                number, None, "MWAA's Python cannot be changed; installing another one may break Airflow."
            )


def _private_web_server(script: StartupScript) -> Problems:
    guarded = False
    for number, line in script.lines:
        guarded = guarded or bool(_GUARD.search(line))
        if not guarded and _NETWORK.search(line):
            yield Problem(
                number, None, "It needs the internet on every component; a private web server has none."
            )
            return


def _set_e(script: StartupScript) -> Problems:
    for number, line in script.lines:
        if re.search(r"(^|[;&|]\s*)set\s+-\w*e|set\s+-o\s+errexit", line):
            yield Problem(
                number,
                None,
                "With `set -e` any failing command ends the script, and the component never starts.",
            )


def _exec(script: StartupScript) -> Problems:
    for number, line in script.lines:
        if re.search(r"(^|[;&|]\s*)exec\s+[^<>\d\s]", line):
            yield Problem(number, None, "`exec` replaces the shell: MWAA never sees the variables.")


def _reserved(script: StartupScript) -> Problems:
    for number, line in script.lines:
        match = _EXPORT.match(line)
        if match:
            names = [each["name"] for each in _NAME.finditer(match["names"])]
            for name in find_reserved_exports(script.version, names):
                yield Problem(number, None, f"MWAA overwrites {name}.")


E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741
_GUIDE = "MWAA-FACTS 5"
RESERVED = "startup-reserved"


def _rule(
    name: str, severity: Severity, check: Callable[[StartupScript], Problems], summary: str, hint: str
) -> StartupRule:
    return StartupRule(Rule(name, severity, summary, hint, _GUIDE), check)


STARTUP_RULES: tuple[StartupRule, ...] = (
    _rule(
        "startup-unsupported",
        E,
        _unsupported,
        "The version runs no startup script.",
        "Choose 2.2.2 or later.",
    ),
    _rule(
        "startup-line-endings",
        E,
        _line_endings,
        "The startup script has Windows line endings.",
        "Save it with LF.",
    ),
    _rule(
        "startup-encoding",
        E,
        _encoding,
        "The startup script is not plain UTF-8.",
        "Save it as UTF-8 without a mark.",
    ),
    _rule(
        "startup-shell",
        E,
        _interpreter,
        "The startup script is written for another interpreter.",
        "Write it for bash.",
    ),
    _rule(
        "startup-update",
        W,
        _updates,
        "The startup script updates the system, Python included.",
        "sudo yum update -y --exclude=python*",
    ),
    _rule(
        "startup-sudo",
        E,
        _without_sudo,
        "The startup script installs packages without sudo.",
        "Put sudo before it.",
    ),
    _rule(
        "startup-package-manager",
        E,
        _foreign_managers,
        "The startup script calls a package manager that MWAA has not got.",
        "Use yum.",
    ),
    _rule(
        "startup-python", W, _python, "The startup script changes Python.", "Leave MWAA's Python as it is."
    ),
    _rule(
        "startup-private-web-server",
        I,
        _private_web_server,
        "The startup script needs the internet on the web server too.",
        'Where the web server is private: if [[ "$MWAA_AIRFLOW_COMPONENT" != "webserver" ]]; then ...; fi',
    ),
    _rule(
        "startup-set-e",
        W,
        _set_e,
        "The startup script ends at the first failing command.",
        "Handle failures yourself: command || echo failed",
    ),
    _rule(
        "startup-exec", E, _exec, "The startup script replaces the shell.", "Call the command without exec."
    ),
    _rule(
        RESERVED,
        W,
        _reserved,
        "The startup script exports a variable that MWAA sets itself.",
        "Leave it out, or use an Airflow configuration option where there is one.",
    ),
)


def check_startup_text(script: StartupScript) -> tuple[Finding, ...]:
    """Return what the rules find in a script."""
    return order_findings(
        make_finding(each.rule, problem, script.file)
        for each in STARTUP_RULES
        for problem in each.check(script)
    )
