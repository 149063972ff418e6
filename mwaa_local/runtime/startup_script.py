"""Runs a project's startup script as MWAA does before a component starts, and returns what it did.

Sourced in bash with a five-minute limit; only exported variables survive (MWAA-FACTS 5). Commands that would change the
machine (sudo, yum, dnf, apt-get, ...) are recorded, not run: this is the user's laptop, not a container.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mwaa_local.errors import CommandError, StartupScriptError
from mwaa_local.ports import CommandRunner

LIMIT = 300.0
"""Seconds; MWAA stops the script after five minutes."""

RECORDED_COMMANDS = (
    "sudo",
    "yum",
    "dnf",
    "microdnf",
    "amazon-linux-extras",
    "rpm",
    "apt",
    "apt-get",
    "systemctl",
    "service",
    "alternatives",
)

_SYSTEM_FOLDERS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")

WRAPPER = """
MWAA_LOCAL_BEFORE=" $(compgen -v | tr '\\n' ' ') "
mwaa_local_dump() {
    set +eux
    local IFS=$' \\t\\n' mwaa_local_name
    command -p env -0 > "$MWAA_LOCAL_EXPORTS"
    for mwaa_local_name in $(compgen -v); do
        case "$MWAA_LOCAL_BEFORE" in *" $mwaa_local_name "*) continue;; esac
        case "$(declare -p "$mwaa_local_name" 2>/dev/null)" in
            "declare -x"*|"declare -"[a-zA-Z]*x*" $mwaa_local_name="*|"") continue;;
        esac
        printf '%s=%s\\0' "$mwaa_local_name" "${!mwaa_local_name-}" >> "$MWAA_LOCAL_UNEXPORTED"
    done
}
exit() {
    local mwaa_local_code=${1:-$?}
    if [ "$BASH_SUBSHELL" = 0 ]; then mwaa_local_dump; fi
    builtin exit "$mwaa_local_code"
}
source "$1"
mwaa_local_code=$?
mwaa_local_dump
builtin exit "$mwaa_local_code"
"""

RECORDER = """#!/bin/sh
printf '%s\\n' "$(basename "$0") $*" >> "$MWAA_LOCAL_RECORD"
"""

_OURS = (
    "MWAA_LOCAL_BEFORE",
    "MWAA_LOCAL_EXPORTS",
    "MWAA_LOCAL_RECORD",
    "MWAA_LOCAL_RECORDERS",
    "MWAA_LOCAL_UNEXPORTED",
)
OF_THE_SHELL = frozenset({"_", "PWD", "OLDPWD", "SHLVL", "BASH_FUNC_exit%%", *_OURS})

_SET_BY_BASH = frozenset(
    {
        "COLUMNS",
        "DIRSTACK",
        "FUNCNAME",
        "IFS",
        "LINENO",
        "LINES",
        "MAPFILE",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "PIPESTATUS",
        "RANDOM",
        "REPLY",
        "SECONDS",
    }
)


class Ending(StrEnum):
    """How the script came to its end, as MWAA sees it."""

    COMPLETED = "completed"
    """By its last line, or by `exit`: MWAA takes over what was exported."""
    EARLY = "early"
    """By `set -e`, `exec` or a signal: MWAA never sees its variables and the component does not start."""
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class StartupRun:
    """What a run of the script did."""

    exit_code: int
    exports: tuple[tuple[str, str], ...]
    """What it exported, or changed of what was exported."""
    recorded: tuple[str, ...]
    """Commands that were not run."""
    output: str
    ending: Ending = Ending.COMPLETED
    removed: tuple[str, ...] = ()
    """Variables that it unset."""
    unexported: tuple[tuple[str, str], ...] = ()
    """Variables that it set and did not export: they are lost."""


@dataclass(frozen=True, slots=True)
class StartupOptions:
    """How a script is run."""

    limit: float = LIMIT
    run_system_commands: bool = False
    """Really run sudo, yum, ...: for containers."""
    on_line: Callable[[str], None] = lambda _line: None
    """Is given each line of output as it comes."""
    cwd: Path | None = None
    """Where it runs; the script's own folder unless said otherwise."""
    sandbox: tuple[str, ...] = ()
    """What the command starts with, so that the script can write in a few folders only."""


def run_startup_script(
    script: Path, environment: Mapping[str, str], commands: CommandRunner, options: StartupOptions
) -> StartupRun:
    """Run `script` in `environment` and return what it did.

    Raises StartupScriptError when it takes longer than its limit, or ends without coming to its end (`set -e`,
    `exec`, a signal): MWAA then never sees its variables and the component does not start.
    """
    run = observe_startup_script(script, environment, commands, options)
    lines = run.output.splitlines()
    match run.ending:
        case Ending.TIMED_OUT:
            raise StartupScriptError(
                f"The startup script {script} did not end within {options.limit:.0f} s." + _last_lines(lines),
                hint="MWAA stops a startup script after five minutes and the environment update fails",
            )
        case Ending.EARLY:
            raise StartupScriptError(
                f"The startup script {script} ended early with exit code {run.exit_code}"
                + _last_lines(lines),
                hint="it was ended by `set -e`, `exec` or a signal; on MWAA the component would never become healthy",
            )
        case Ending.COMPLETED:
            return run


def observe_startup_script(
    script: Path, environment: Mapping[str, str], commands: CommandRunner, options: StartupOptions
) -> StartupRun:
    """Run `script` and return what it did, however it ended; StartupScriptError if bash cannot be started."""
    with tempfile.TemporaryDirectory(prefix="mwaa-local-startup-") as scratch:
        files = _Files(Path(scratch))
        lines: list[str] = []

        def on_line(line: str) -> None:
            lines.append(line)
            options.on_line(line)

        ending, code = Ending.COMPLETED, 124
        try:
            code = commands.stream(
                [*options.sandbox, "bash", "-c", _wrapper(options), "startup", str(script)],
                on_line,
                env=files.variables(environment, record=not options.run_system_commands),
                cwd=options.cwd or script.parent,
                timeout=options.limit,
            )
        except CommandError as error:
            if "took longer" not in error.message:
                raise StartupScriptError(
                    f"The startup script {script} could not be run: {error.message}", hint=error.hint
                ) from error
            ending = Ending.TIMED_OUT
        if ending is Ending.COMPLETED and not files.exports.exists():
            ending = Ending.EARLY
        return read_run(files.folder, environment, code, "\n".join(lines), ending)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the wrapper leaves what it saw."""

    folder: Path

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    @property
    def unexported(self) -> Path:
        return self.folder / "unexported"

    @property
    def record(self) -> Path:
        return self.folder / "record"

    @property
    def recorders(self) -> Path:
        return self.folder / "bin"

    def variables(self, environment: Mapping[str, str], *, record: bool) -> dict[str, str]:
        self.recorders.mkdir()
        for name in RECORDED_COMMANDS if record else ():
            path = self.recorders / name
            path.write_text(RECORDER)
            path.chmod(0o755)
        return {
            **environment,
            "PATH": f"{self.recorders}:{environment.get('PATH', '/usr/bin:/bin')}",
            "MWAA_LOCAL_EXPORTS": str(self.exports),
            "MWAA_LOCAL_UNEXPORTED": str(self.unexported),
            "MWAA_LOCAL_RECORD": str(self.record),
            "MWAA_LOCAL_RECORDERS": str(self.recorders),
        }


def _wrapper(options: StartupOptions) -> str:
    """Return the shell code around the script; functions catch what PATH cannot: full names, and a PATH set anew."""
    if options.run_system_commands:
        return WRAPPER
    functions = []
    for name in RECORDED_COMMANDS:
        for word in (name, *(f"{folder}/{name}" for folder in _SYSTEM_FOLDERS)):
            functions.append(f'{word}() {{ "$MWAA_LOCAL_RECORDERS/{name}" "$@"; }}')
    return "\n".join([*functions, WRAPPER])


def read_run(
    folder: Path, environment: Mapping[str, str], code: int, output: str, ending: Ending
) -> StartupRun:
    """Return what a run has left in a folder, held against the variables before it."""
    files = _Files(folder)
    after = read_variables(files.exports) if files.exports.exists() else dict(environment)
    after["PATH"] = after.get("PATH", "").replace(f"{files.recorders}:", "")
    changed = {
        name: value
        for name, value in after.items()
        if name not in OF_THE_SHELL and environment.get(name) != value
    }
    unexported = {
        name: value
        for name, value in read_variables(files.unexported).items()
        if not name.startswith(("BASH", "mwaa_local_", "MWAA_LOCAL_")) and name not in _SET_BY_BASH
    }
    return StartupRun(
        exit_code=code,
        exports=tuple(sorted(changed.items())),
        recorded=tuple(_read_text(files.record).splitlines()),
        output=output,
        ending=ending,
        removed=tuple(sorted(set(environment) - set(after) - OF_THE_SHELL)),
        unexported=tuple(sorted(unexported.items())),
    )


def _read_text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def read_variables(file: Path) -> dict[str, str]:
    """Read variables as `env -0` writes them; none where there is no file."""
    content = file.read_bytes() if file.exists() else b""
    pairs = (item.decode(errors="surrogateescape").partition("=") for item in content.split(b"\0") if item)
    return {name: value for name, _, value in pairs}


def _last_lines(lines: list[str]) -> str:
    return ":\n" + "\n".join(f"    {line}" for line in lines[-10:]) if lines else ""
