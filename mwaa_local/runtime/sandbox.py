"""Keeps a program from writing anywhere but in a few folders, on Linux; elsewhere there is no such thing."""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandRunner
from mwaa_local.runtime.inside_files import INSIDE

TEMPORARY = ("/tmp", "/dev/shm")  # noqa: S108
_BEGIN = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from mwaa_inside.sandbox_launcher import main; main(sys.argv[1:])"
)


def find_sandbox(home: Path, commands: CommandRunner, further: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return what a command starts with to write in `home`, `further` and temporary folders only; () if that cannot be.

    The program finds `home` at /usr/local/airflow too, where that can be.
    """
    writable = dict.fromkeys((tempfile.gettempdir(), *TEMPORARY, str(home), *map(str, further)))
    options = ["--home", str(home), *(word for folder in writable for word in ("--writable", folder))]
    command = [sys.executable, "-I", "-S", "-c", _BEGIN, str(INSIDE)]
    try:
        possible = commands.run([*command, "--check", *options], timeout=20).exit_code == 0
    except CommandError:
        possible = False
    return (*command, *options, "--") if possible else ()


@contextmanager
def startup_sandbox(environment: Mapping[str, str], commands: CommandRunner) -> Iterator[tuple[str, ...]]:
    """Give the sandbox of a startup script: it may write in its HOME, AIRFLOW_HOME and where pip puts packages."""
    packages = Path(environment["PIP_TARGET"])
    # Only what is there can be made writable.
    packages.mkdir(parents=True, exist_ok=True)
    try:
        yield find_sandbox(Path(environment["AIRFLOW_HOME"]), commands, (Path(environment["HOME"]), packages))
    finally:
        with suppress(OSError):
            packages.rmdir()
