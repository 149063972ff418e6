"""Keeps a program from writing anywhere but in a few folders, on Linux; elsewhere there is no such thing."""

import sys
import tempfile
from pathlib import Path

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandRunner

LAUNCHER = Path(__file__).with_name("sandbox_launcher.py")
TEMPORARY = ("/tmp", "/dev/shm")  # noqa: S108


def find_sandbox(home: Path, commands: CommandRunner) -> tuple[str, ...]:
    """Return what a command starts with to write in `home` and temporary folders only; nothing if that cannot be.

    `home` lies in a temporary folder of its own; the program finds it at /usr/local/airflow too, where that can be.
    """
    writable = dict.fromkeys((tempfile.gettempdir(), *TEMPORARY, str(home)))
    options = ["--home", str(home), *(word for folder in writable for word in ("--writable", folder))]
    command = [sys.executable, "-I", "-S", str(LAUNCHER)]
    try:
        possible = commands.run([*command, "--check", *options], timeout=20).exit_code == 0
    except CommandError:
        possible = False
    return (*command, *options, "--") if possible else ()
