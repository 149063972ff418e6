"""What becomes of a project's metadata when its Airflow changes: which database the version gets, and making it.

MWAA changes minor versions in place, up and down: it takes a snapshot of the metadata and migrates it; to another major
version one has to create a new environment (its guide, "upgrading-environment"; MWAA-FACTS 1). Here every version's
database is kept: another version begins with a copy of what the one before it had, taken over by Airflow's own
migrations.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from mwaa_local.errors import DatabaseError, UsageError
from mwaa_local.runtime.database import ProjectDatabase, beside, clear_leftovers, finish_copy
from mwaa_local.runtime.database_template import Migration, private_server
from mwaa_local.runtime.postgres import Postgres, give_to_database_user

FIRST_IN_PLACE = (2,)
"""MWAA upgrades no Airflow 1.10 in place."""
FIRST_TO_GO_BACK = (2, 3)
"""The first Airflow that has `db downgrade`."""


@dataclass(frozen=True, slots=True)
class Own:
    """The version has a database of its own, or begins with an empty one; `words` where the user may expect more."""

    words: str = ""


@dataclass(frozen=True, slots=True)
class Carry:
    """The version takes over what another one, with which the project last ran, has."""

    source: str
    is_newer: bool = False
    """Whether the source is: its own Airflow has to take the copy back first."""


Plan = Own | Carry


@dataclass(frozen=True, slots=True)
class Situation:
    """What the decision depends on."""

    last: str | None
    """The version whose database was in use last, None if that is not known or it is gone."""
    wanted: str
    has_own: bool
    """Whether the wanted version has a database in this project."""
    wish: bool | None
    """Whether the user wants the metadata carried over; None: has not said."""


def plan_carry_over(situation: Situation) -> Plan:
    """Decide which database a version gets; UsageError where what the user wants cannot be."""
    last, wanted = situation.last, situation.wanted
    if last is None or last == wanted:
        return Own()
    refusal = _refusal(last, wanted)
    if refusal:
        if situation.wish:
            raise UsageError(
                f"The metadata of Airflow {last} cannot be carried over to {wanted}: {refusal}.",
                hint=f"leave --carry-over out; the database of {last} is kept and used again with {last}",
            )
        return Own(f"Airflow {wanted} {_own(situation)}: {refusal}. {_kept(last)}")
    if situation.wish is False:
        return Own(f"Airflow {wanted} {_own(situation)}, as asked. {_kept(last)}")
    if situation.has_own and not situation.wish:
        return Own(
            f"Airflow {wanted} {_own(situation)}: what has happened with {last} since then is not in it. {_kept(last)} "
            "To take that over instead: mwaa-local stop, then mwaa-local start --carry-over"
        )
    return Carry(last, is_newer=_numbers(last) > _numbers(wanted))


def _refusal(last: str, wanted: str) -> str:
    before, after = _numbers(last), _numbers(wanted)
    if before[0] != after[0] or before < FIRST_IN_PLACE:
        return "as on MWAA, nothing is carried over to another major version of Airflow"
    goes_back = after < before and before < FIRST_TO_GO_BACK
    return (
        f"Airflow {last} has no command that takes its metadata back to an older version" if goes_back else ""
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _own(situation: Situation) -> str:
    if situation.has_own:
        return "goes on with the database that it had here"
    return "begins with an empty database"


def _kept(last: str) -> str:
    return f"Nothing of {last} is lost: its database is kept, and used again with it."


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """A database that is to be made from another one."""

    source: ProjectDatabase
    target: ProjectDatabase
    migrate: Migration
    """The wanted version's own."""


def carry_over(order: CarriedOver, password: str, postgres: Postgres) -> None:
    """Make the target a migrated copy of the source, complete or not at all; neither server is running.

    A target that exists is put aside, until the next one is.
    """
    target = order.target
    try:
        clear_leftovers(target)
        fresh = ProjectDatabase(beside(target, "new"))
        fresh.home.mkdir(mode=0o700)
        try:
            _copy_and_migrate(order, fresh, password, postgres)
            _put_in_place(fresh, target)
        except BaseException:
            shutil.rmtree(fresh.home, ignore_errors=True)
            raise
    except OSError as error:
        raise DatabaseError(
            f"The database in {order.source.home} cannot be copied: {error.strerror} ({error.filename}).",
            hint="make room on the disk, or make the folder writable, and start again; the database is as it was",
        ) from error


def _copy_and_migrate(order: CarriedOver, fresh: ProjectDatabase, password: str, postgres: Postgres) -> None:
    shutil.copytree(order.source.data, fresh.data, copy_function=shutil.copy)
    fresh.data.chmod(0o700)
    # A server that was killed has left it; only the copy's own may be there.
    (fresh.data / "postmaster.pid").unlink(missing_ok=True)
    # For the migration's server, which nobody but us can reach.
    (fresh.data / "pg_hba.conf").write_text("local all all trust\n", encoding="ascii")
    give_to_database_user(fresh.home, postgres)
    with (
        tempfile.TemporaryDirectory(prefix="mwl-migration-") as scratch,
        private_server(fresh.data, postgres) as url,
    ):
        order.migrate(url, Path(scratch))
    finish_copy(fresh, order.target, password, postgres)


def _put_in_place(fresh: ProjectDatabase, target: ProjectDatabase) -> None:
    if target.home.exists():
        aside = target.home.with_name(f"{target.home.name}.replaced")
        if aside.exists():
            aside.rename(beside(target, "old"))
        target.home.rename(aside)
    fresh.home.rename(target.home)
    clear_leftovers(target)


def carry_out(plan: Plan, carry: Callable[[Carry], None], say: Callable[[str], None]) -> bool:
    """Do what was decided; tell whether the database has been made by that."""
    match plan:
        case Own(words):
            if words:
                say(words)
            return False
        case Carry():
            carry(plan)
            return True
        case _:
            assert_never(plan)
