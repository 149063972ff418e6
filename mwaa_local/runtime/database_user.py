"""Who PostgreSQL runs as: ourselves, or, when we are root (which PostgreSQL refuses), somebody else.

The answer is a value that turns a PostgreSQL command into the command to run; the changing of users happens in
`postgres_launcher.py`, which becomes that command.
"""

import json
import secrets
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.errors import DatabaseError
from mwaa_local.ports import CommandRunner

LAUNCHER = Path(__file__).with_name("postgres_launcher.py")
SHARED_HOME = Path("/var/lib/mwaa-local")
"""Where data lies when neither we nor a user namespace can run the server in the user's own folder."""
CANDIDATES = ("postgres", "_postgres", "nobody")
RECORD = "user.json"
COPY_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class DatabaseUser:
    """How to become PostgreSQL's user: `options` of the launcher, and the account that owns the files (None: ours)."""

    options: tuple[str, ...]
    account: str | None
    folder: Path
    """Where the project's data lies."""
    cache: Path
    """Where templates and downloaded programs lie: this user must be able to read them."""


@dataclass(frozen=True, slots=True)
class _Home:
    """A project's own folder for its database: the one that a record of data elsewhere was written for."""

    path: Path
    identity: tuple[int, int]
    """Device and inode: a moved folder keeps them on the same disk, a copied one never does."""

    @classmethod
    def of(cls, folder: Path) -> "_Home":
        """Return what `folder` is now."""
        found = folder.stat()
        return cls(folder, (found.st_dev, found.st_ino))

    def is_copied_to(self, folder: Path) -> bool:
        """Tell whether `folder` is another one and this one is still where it was."""
        if _Home.of(folder).identity == self.identity:
            return False
        try:
            return _Home.of(self.path).identity == self.identity
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class _Kept:
    user: DatabaseUser
    home: _Home


def as_database_user(command: Sequence[str], user: DatabaseUser, *, data: Path | None = None) -> list[str]:
    """Return the command to run so that the process becomes `command`; `data` is freed of a stale lock first."""
    stale = () if data is None else ("--data", str(data))
    return [sys.executable, "-I", "-S", str(LAUNCHER), *user.options, *stale, "--", *command]


def choose_database_user(
    runner: CommandRunner, uid: int, folder: Path, cache: Path, shared: Path = SHARED_HOME
) -> DatabaseUser:
    """Decide who runs the project's server (once: the choice is kept beside the data); DatabaseError if nobody can.

    `folder` is where the project's data should lie and `cache` the user-wide cache; both exist. `shared` is made when
    another account has to keep the data. A copy of a project gets a copy of them.
    """
    ours = DatabaseUser((), None, folder, cache)
    if uid != 0:
        return ours
    record = folder / RECORD
    kept = _load(record)
    if kept is not None:
        if kept.home.is_copied_to(folder):
            own = replace(kept.user, folder=kept.user.folder.with_name(secrets.token_hex(8)))
            _copy(kept.user.folder, own.folder, runner)
            _save(record, own)
            return own
        if kept.home != _Home.of(folder):
            with suppress(OSError):
                _save(record, kept.user)  # it was moved
        return kept.user
    inside = DatabaseUser(("--user-namespace",), None, folder, cache)
    refusals = [_try(runner, inside, folder)]
    if not refusals[0]:
        return inside
    for account in CANDIDATES:
        home = shared / account
        other = DatabaseUser(("--user", account), account, home / secrets.token_hex(8), home / "cache")
        refusal = _prepare(runner, other, home)
        if not refusal:
            _save(record, other)
            return other
        refusals.append(refusal)
    raise DatabaseError(
        "PostgreSQL refuses to run as root, and no other way was found: " + "; ".join(refusals) + ".",
        hint="run mwaa-local as an ordinary user, or allow user namespaces (Docker: --security-opt seccomp=unconfined)",
    )


def remove_data(folder: Path) -> None:
    """Remove the data that another account keeps for the project whose own folder is `folder`."""
    try:
        kept = _load(folder / RECORD)
    except DatabaseError:
        return  # nobody knows any more where they lie
    if kept is not None and not kept.home.is_copied_to(folder):
        shutil.rmtree(kept.user.folder, ignore_errors=True)


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


def _copy(source: Path, target: Path, runner: CommandRunner) -> None:
    """Copy data with their owner, complete or not at all."""
    partial = target.with_name(f"{target.name}.new")
    answer = runner.run(["cp", "-a", str(source), str(partial)], timeout=COPY_PATIENCE)
    if answer.exit_code != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise DatabaseError(
            f"The data of the project that this one is a copy of cannot be copied: {answer.stderr.strip()}",
            hint=f"make room in {source.parent}; or remove the copy's .mwaa-local folder to begin anew",
        )
    partial.rename(target)


def _save(path: Path, user: DatabaseUser) -> None:
    home = _Home.of(path.parent)
    document = {
        "account": user.account,
        "folder": str(user.folder),
        "cache": str(user.cache),
        "home": {"path": str(home.path), "identity": list(home.identity)},
    }
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.replace(path)


def _load(path: Path) -> _Kept | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        account, folder = str(document["account"]), Path(document["folder"])
        user = DatabaseUser(("--user", account), account, folder, Path(document["cache"]))
        home = document.get("home", {"path": str(path.parent), "identity": [0, 0]})
        return _Kept(user, _Home(Path(home["path"]), (int(home["identity"][0]), int(home["identity"][1]))))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DatabaseError(
            f"{path} is damaged, so it is unknown where the database lies.",
            hint=f"data of projects run by another user than root lie in {SHARED_HOME}; delete the file to begin anew",
        ) from error
