"""A project's database: a copy of the version's template with a password of its own, kept until the user resets it.

Each Airflow version has its own copy in the project, so that going to another version and back loses nothing.
"""

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mwaa_local.errors import DatabaseError
from mwaa_local.runtime.postgres import (
    DATABASE,
    RESET_HINT,
    ROLE,
    Postgres,
    execute_alone,
    give_to_database_user,
)
from mwaa_local.runtime.postgres_password import build_verifier, is_verifier_of

ACCESS_RULES = "# Written by mwaa-local.\nhost all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class ProjectDatabase:
    """Where one version's data lie in a project: `data` is PostgreSQL's, `role.json` says which password it knows."""

    home: Path

    @property
    def data(self) -> Path:
        """Return PostgreSQL's data folder."""
        return self.home / "data"

    @property
    def role_file(self) -> Path:
        """Return the file with the form of the password that PostgreSQL keeps."""
        return self.home / "role.json"

    @property
    def major(self) -> int | None:
        """Return the major version of PostgreSQL that made the data, None if there are none (or they are damaged)."""
        try:
            return int((self.data / "PG_VERSION").read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            return None


def project_database(folder: Path, airflow: str) -> ProjectDatabase:
    """Return the place of a version's database below the folder that the project keeps for PostgreSQL."""
    return ProjectDatabase(folder / airflow)


def database_url(password: str, port: int, host: str = "127.0.0.1") -> str:
    """Return the URL that Airflow uses; it holds the password."""
    return f"postgresql+psycopg2://{ROLE}:{quote(password, safe='')}@{host}:{port}/{DATABASE}"


def ensure_database(database: ProjectDatabase, template: Path, password: str, postgres: Postgres) -> None:
    """Make the project's database from the template unless it exists, and see that it knows `password`.

    The server must not be running.
    """
    try:
        if not database.home.exists():
            _clone(database, template, password, postgres)
            return
        _check(database, postgres)
        if not is_verifier_of(password, _load_verifier(database)):
            set_password(database, password, postgres)
    except OSError as error:
        raise DatabaseError(
            f"The database in {database.home} cannot be written: {error.strerror} ({error.filename}).",
            hint="make room on the disk, or make the folder writable, and start again",
        ) from error


def reset_database(database: ProjectDatabase) -> None:
    """Delete the database: it is gone from one moment to the next, then its files are. Its server must not run."""
    try:
        clear_leftovers(database)
        if database.home.exists():
            database.home.rename(beside(database, "old"))
            clear_leftovers(database)
    except OSError as error:
        raise DatabaseError(
            f"The database in {database.home} cannot be deleted: {error.strerror} ({error.filename}).",
            hint="check who owns the folder, then run `mwaa-local reset-db` again",
        ) from error


def clear_leftovers(database: ProjectDatabase) -> None:
    """Delete copies that were never finished and old ones that were never quite deleted."""
    for pattern in (f"{database.home.name}.new-*", f"{database.home.name}.old-*"):
        for leftover in database.home.parent.glob(pattern):
            shutil.rmtree(leftover)


def _clone(database: ProjectDatabase, template: Path, password: str, postgres: Postgres) -> None:
    database.home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    clear_leftovers(database)
    fresh = ProjectDatabase(beside(database, "new"))
    fresh.home.mkdir(mode=0o700)
    try:
        shutil.copytree(template, fresh.data, copy_function=shutil.copy)
        fresh.data.chmod(0o700)
        finish_copy(fresh, database, password, postgres)
        fresh.home.rename(database.home)
    except BaseException:
        shutil.rmtree(fresh.home, ignore_errors=True)
        raise


def finish_copy(fresh: ProjectDatabase, database: ProjectDatabase, password: str, postgres: Postgres) -> None:
    """Give what will become `database` its rules of access, its owner and password, and have it on disk."""
    (fresh.data / "pg_hba.conf").write_text(ACCESS_RULES, encoding="ascii")
    give_to_database_user(fresh.home, postgres)
    set_password(fresh, password, postgres)
    answer = postgres.run("initdb", "--sync-only", "-D", str(fresh.data))
    if answer.exit_code != 0:
        raise DatabaseError(
            f"The database in {database.home} cannot be written to disk.",
            hint="make room, and start again; what was there is as it was",
        )


def _check(database: ProjectDatabase, postgres: Postgres) -> None:
    if not (database.data / "global" / "pg_control").is_file() or database.major is None:
        raise DatabaseError(f"The database in {database.home} is damaged.", hint=RESET_HINT)
    if database.major != postgres.binaries.major:
        raise DatabaseError(
            f"The database in {database.home} was made by PostgreSQL {database.major}, "
            f"and {postgres.binaries.folder} holds {postgres.binaries.version}.",
            hint=f"install PostgreSQL {database.major}, or start with an empty database: `mwaa-local reset-db`",
        )


def set_password(database: ProjectDatabase, password: str, postgres: Postgres) -> None:
    """Give the role a password; the server is not running."""
    verifier = build_verifier(password)
    execute_alone(database.data, f"ALTER ROLE {ROLE} PASSWORD '{verifier}'", postgres)
    temporary = database.role_file.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump({"verifier": verifier}, file)
    temporary.replace(database.role_file)


def _load_verifier(database: ProjectDatabase) -> str:
    """Return what PostgreSQL was told, or nothing if that is not known: it is then told again."""
    try:
        return str(json.loads(database.role_file.read_text(encoding="ascii"))["verifier"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""


def beside(database: ProjectDatabase, kind: str) -> Path:
    """Return a new name beside the database's, for what is not it yet or any more."""
    return database.home.with_name(f"{database.home.name}.{kind}-{secrets.token_hex(4)}")
