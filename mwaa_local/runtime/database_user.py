"""Who PostgreSQL runs as: ourselves, or, when we are root (which PostgreSQL refuses), somebody else.

The answer is a value that turns a PostgreSQL command into the command to run; the changing of users happens in
`postgres_launcher.py`, which becomes that command.
"""

import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import DatabaseError
from mwaa_local.ports import CommandRunner

LAUNCHER = Path(__file__).with_name("postgres_launcher.py")
SHARED_HOME = Path("/var/lib/mwaa-local")
"""Where data lies when neither we nor a user namespace can run the server in the user's own folder."""
CANDIDATES = ("postgres", "_postgres", "nobody")


@dataclass(frozen=True, slots=True)
class DatabaseUser:
    """How to become PostgreSQL's user: `options` of the launcher, and the account that owns the files (None: ours)."""

    options: tuple[str, ...]
    account: str | None
    folder: Path
    """Where the project's data lies."""
    cache: Path
    """Where templates and downloaded programs lie: this user must be able to read them."""


def as_database_user(command: Sequence[str], user: DatabaseUser, *, data: Path | None = None) -> list[str]:
    """Return the command to run so that the process becomes `command`; `data` is freed of a stale lock first."""
    stale = () if data is None else ("--data", str(data))
    return [sys.executable, "-I", "-S", str(LAUNCHER), *user.options, *stale, "--", *command]


def choose_database_user(
    runner: CommandRunner, uid: int, folder: Path, cache: Path, shared: Path = SHARED_HOME
) -> DatabaseUser:
    """Decide who runs the project's server (once: the choice is kept beside the data); DatabaseError if nobody can.

    `folder` is where the project's data should lie and `cache` the user-wide cache; both exist. `shared` is made when
    another account has to keep the data.
    """
    ours = DatabaseUser((), None, folder, cache)
    if uid != 0:
        return ours
    kept = _load(folder / "user.json")
    if kept is not None:
        return kept
    inside = DatabaseUser(("--user-namespace",), None, folder, cache)
    refusals = [_try(runner, inside, folder)]
    if not refusals[0]:
        return inside
    for account in CANDIDATES:
        home = shared / account
        other = DatabaseUser(("--user", account), account, home / secrets.token_hex(8), home / "cache")
        refusal = _prepare(runner, other, home)
        if not refusal:
            _save(folder / "user.json", other)
            return other
        refusals.append(refusal)
    raise DatabaseError(
        "PostgreSQL refuses to run as root, and no other way was found: " + "; ".join(refusals) + ".",
        hint="run mwaa-local as an ordinary user, or allow user namespaces (Docker: --security-opt seccomp=unconfined)",
    )


def refusal_of_namespaces(runner: CommandRunner, folder: Path) -> str:
    """Return why root cannot run PostgreSQL in a user namespace, with data in `folder`; nothing if it can."""
    return _try(runner, DatabaseUser(("--user-namespace",), None, folder, folder), folder)


def give(path: Path, user: DatabaseUser, runner: CommandRunner) -> None:
    """Make PostgreSQL's user the owner of `path` and all that lies in it."""
    if user.account is not None:
        runner.run(["chown", "-R", user.account, str(path)], timeout=60)


def _try(runner: CommandRunner, user: DatabaseUser, folder: Path) -> str:
    """Return why this user cannot work in `folder`, or nothing."""
    answer = runner.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), *user.options, "--check", str(folder)], timeout=20
    )
    return "" if answer.exit_code == 0 else (answer.stderr.strip() or "unknown reason")


def _prepare(runner: CommandRunner, user: DatabaseUser, home: Path) -> str:
    try:
        home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        for folder in (home, user.folder, user.cache):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            give(folder, user, runner)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    refusal = _try(runner, user, user.folder)
    if refusal:
        user.folder.rmdir()
    return refusal


def _save(path: Path, user: DatabaseUser) -> None:
    document = {"account": user.account, "folder": str(user.folder), "cache": str(user.cache)}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.replace(path)


def _load(path: Path) -> DatabaseUser | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        account, folder = str(document["account"]), Path(document["folder"])
        return DatabaseUser(("--user", account), account, folder, Path(document["cache"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatabaseError(
            f"{path} is damaged, so it is unknown where the database lies.",
            hint=f"data of projects run by another user than root lie in {SHARED_HOME}; delete the file to begin anew",
        ) from error
