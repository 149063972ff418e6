"""Runs a project's startup script as MWAA does before a component starts, and returns what it exported.

Sourced in bash with a five-minute limit; only exported variables survive (MWAA-FACTS 5). Commands that would change the
machine (sudo, yum, dnf, apt-get, ...) are recorded, not run: this is the user's laptop, not a container.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import CommandError, StartupScriptError
from mwaa_local.ports import CommandRunner

LIMIT = 300.0
"""Seconds; MWAA stops the script after five minutes."""

RECORDED_COMMANDS = ("sudo", "yum", "dnf", "rpm", "apt", "apt-get", "systemctl")

WRAPPER = """
exit() {
    local code=${1:-$?}
    if [ "$BASHPID" = "$$" ]; then env -0 > "$MWAA_LOCAL_EXPORTS"; fi
    builtin exit "$code"
}
source "$1"
code=$?
env -0 > "$MWAA_LOCAL_EXPORTS"
builtin exit "$code"
"""

RECORDER = """#!/bin/sh
printf '%s\\n' "$(basename "$0") $*" >> "$MWAA_LOCAL_RECORD"
"""

OF_THE_SHELL = frozenset(
    {"_", "PWD", "OLDPWD", "SHLVL", "MWAA_LOCAL_EXPORTS", "MWAA_LOCAL_RECORD", "BASH_FUNC_exit%%"}
)


@dataclass(frozen=True, slots=True)
class StartupRun:
    """What a run of the script did: its exit code, what it exported or changed, and the commands that were not run."""

    exit_code: int
    exports: tuple[tuple[str, str], ...]
    recorded: tuple[str, ...]
    output: str


def run_startup_script(
    script: Path, environment: Mapping[str, str], commands: CommandRunner, *, limit: float = LIMIT
) -> StartupRun:
    """Run `script` in `environment` and return what it did.

    Raises StartupScriptError when it takes longer than `limit` seconds, or ends without coming to its end (`set -e`,
    `exec`, a signal): MWAA then never sees its variables and the component does not start.
    """
    with tempfile.TemporaryDirectory(prefix="mwaa-local-startup-") as scratch:
        exports, record = Path(scratch, "exports"), Path(scratch, "record")
        recorders = _write_recorders(Path(scratch, "bin"))
        variables = {
            **environment,
            "PATH": f"{recorders}:{environment.get('PATH', '/usr/bin:/bin')}",
            "MWAA_LOCAL_EXPORTS": str(exports),
            "MWAA_LOCAL_RECORD": str(record),
        }
        lines: list[str] = []
        try:
            code = commands.stream(
                ["bash", "-c", WRAPPER, "startup", str(script)],
                lines.append,
                env=variables,
                cwd=script.parent,
                timeout=limit,
            )
        except CommandError as error:
            raise StartupScriptError(
                f"The startup script {script} did not end within {limit:.0f} s or could not be run: {error}",
                hint="MWAA stops a startup script after five minutes and the environment update fails",
            ) from error
        if not exports.exists():
            raise StartupScriptError(
                f"The startup script {script} ended early with exit code {code}" + _last_lines(lines),
                hint="it was ended by `set -e`, `exec` or a signal; on MWAA the component would never become healthy",
            )
        after = _parse_exports(exports.read_bytes())
        recorded = tuple(record.read_text().splitlines()) if record.exists() else ()
    after["PATH"] = after.get("PATH", "").replace(f"{recorders}:", "")
    changed = {
        name: value
        for name, value in after.items()
        if name not in OF_THE_SHELL and environment.get(name) != value
    }
    return StartupRun(code, tuple(sorted(changed.items())), recorded, "\n".join(lines))


def _write_recorders(folder: Path) -> Path:
    folder.mkdir()
    for name in RECORDED_COMMANDS:
        path = folder / name
        path.write_text(RECORDER)
        path.chmod(0o755)
    return folder


def _parse_exports(content: bytes) -> dict[str, str]:
    pairs = (item.decode(errors="surrogateescape").partition("=") for item in content.split(b"\0") if item)
    return {name: value for name, _, value in pairs}


def _last_lines(lines: list[str]) -> str:
    return ":\n" + "\n".join(f"    {line}" for line in lines[-10:]) if lines else ""
