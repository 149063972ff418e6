"""Gets PostgreSQL and the wanted version's database ready, before anything runs: found, copied, or carried over."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import DatabaseError
from mwaa_local.mwaa_version import MwaaVersion
from mwaa_local.runtime.carry_over import (
    CarriedOver,
    Carry,
    Plan,
    Situation,
    carry_out,
    carry_over,
    plan_carry_over,
)
from mwaa_local.runtime.database import ProjectDatabase, ensure_database, project_database
from mwaa_local.runtime.database_template import (
    DOWNGRADE,
    UPGRADE,
    Migration,
    TemplateKey,
    airflow_migration,
    ensure_template,
)
from mwaa_local.runtime.database_user import choose_database_user
from mwaa_local.runtime.host import Host, Progress
from mwaa_local.runtime.postgres import Machine, Postgres
from mwaa_local.runtime.postgres_binaries import BinarySearch, find_binaries, least_major
from mwaa_local.runtime.start_record import load_record
from mwaa_local.runtime.state import StateFolder, read_json, write_private
from mwaa_local.runtime.venv import AirflowEnvironment


@dataclass(frozen=True, slots=True)
class DatabaseOrder:
    """Which database is wanted, and where."""

    version: MwaaVersion
    folder: StateFolder
    password: str
    carry: bool | None = None
    """Whether the metadata of the version before are to be carried over; None: where that loses nothing."""
    environments: Path = Path()
    """Where the user-wide environments lie."""


def prepare_postgres(version: MwaaVersion, folder: StateFolder, host: Host) -> Postgres:
    """Return PostgreSQL as this machine can run it for this project."""
    folder.database.mkdir(mode=0o700, exist_ok=True)
    host.cache.mkdir(parents=True, exist_ok=True)
    user = choose_database_user(host.commands, os.getuid(), folder.database, host.cache)
    explicit = host.environ.get("MWAA_LOCAL_POSTGRES")
    search = BinarySearch(
        explicit=Path(explicit) if explicit else None,
        path=tuple(Path(part) for part in host.environ.get("PATH", "").split(os.pathsep) if part),
        cache=user.cache,
        uv=(str(host.uv),),
        preferred=version.postgres_major,
        least=least_major(version.number),
        required=_required_major(version, folder, user.folder),
    )
    binaries = find_binaries(search, host.commands, host.lock)
    return Postgres(binaries, user, Machine(host.commands, host.processes, host.clock, host.lock))


def prepare_database(
    order: DatabaseOrder, base: AirflowEnvironment, postgres: Postgres, progress: Progress
) -> ProjectDatabase:
    """Return the version's database of the project, made if it is not there."""
    airflow = order.version.airflow
    database = project_database(postgres.user.folder, airflow)
    plan = _plan(order, postgres)
    title = f"PostgreSQL {postgres.binaries.major} database"
    if isinstance(plan, Carry):
        title = f"Carrying the metadata of Airflow {plan.source} over to {airflow}"
    with progress.step(title):
        made = carry_out(plan, lambda chosen: _carry(chosen, order, base, postgres), progress.warn)
        if not made:
            template = ensure_template(
                TemplateKey(airflow, base.key),
                postgres,
                _migration(base.python, postgres),
                lambda: progress.note(f"Creating the metadata database schema of Airflow {airflow} (once)."),
            )
            ensure_database(database, template, order.password, postgres)
    note_version(order.folder, airflow)
    return database


@dataclass(frozen=True, slots=True)
class DatabaseRecord:
    """Which version's database was in use last, and which one before; None where that is not known."""

    version: str | None
    before: str | None = None


def load_database_record(folder: StateFolder) -> DatabaseRecord:
    """Return what the last start has noted; where none has, what it left otherwise."""
    document = read_json(_record(folder)) or {}
    if isinstance(document.get("version"), str):
        before = document.get("before")
        return DatabaseRecord(document["version"], before if isinstance(before, str) else None)
    record = load_record(folder)
    return DatabaseRecord(record.version if record else None)


def note_version(folder: StateFolder, airflow: str) -> None:
    """Note which version's database is in use: what comes after it begins with that."""
    known = load_database_record(folder)
    if known.version != airflow or not _record(folder).exists():
        before = known.version if known.version != airflow else known.before
        write_private(_record(folder), json.dumps({"version": airflow, "before": before}))


def _record(folder: StateFolder) -> Path:
    return folder.root / "database.json"


def _last_version(order: DatabaseOrder) -> str | None:
    """Return the version whose metadata may be taken over; who asks for that again means the one before."""
    record = load_database_record(order.folder)
    again = order.carry and record.version == order.version.airflow
    return record.before if again else record.version


def _plan(order: DatabaseOrder, postgres: Postgres) -> Plan:
    wanted, last = order.version.airflow, _last_version(order)
    source = project_database(postgres.user.folder, last) if last else None
    plan = plan_carry_over(
        Situation(
            last=last if source is not None and source.major is not None else None,
            wanted=wanted,
            has_own=project_database(postgres.user.folder, wanted).home.exists(),
            wish=order.carry,
        )
    )
    if isinstance(plan, Carry) and source is not None and source.major != postgres.binaries.major:
        raise DatabaseError(
            f"The metadata of Airflow {last} lie in a database of PostgreSQL {source.major}, which cannot be carried "
            f"over to {wanted} with PostgreSQL {postgres.binaries.version}.",
            hint="begin with an empty database (that one is kept): mwaa-local start --no-carry-over",
        )
    return plan


def _required_major(version: MwaaVersion, folder: StateFolder, home: Path) -> int | None:
    """Return the major of the version's data, or else of those that it may take over, as far as it can."""
    own = project_database(home, version.airflow).major
    last = load_database_record(folder).version
    if own is not None or last is None:
        return own
    major = project_database(home, last).major
    return major if major is not None and major >= least_major(version.number) else None


def _carry(chosen: Carry, order: DatabaseOrder, base: AirflowEnvironment, postgres: Postgres) -> None:
    home, source, wanted = postgres.user.folder, chosen.source, order.version.airflow
    migrate = _migration(base.python, postgres, UPGRADE)
    if chosen.is_newer:
        back = _migration(_python_of(source, order), postgres, DOWNGRADE, wanted)
        migrate = _one_after_the_other(back, migrate)
    carried = CarriedOver(project_database(home, source), project_database(home, wanted), migrate)
    try:
        carry_over(carried, order.password, postgres)
    except DatabaseError as error:
        raise DatabaseError(
            f"The metadata of Airflow {source} could not be carried over. {error.message}",
            hint=f"{error.hint}; or begin with an empty database (that one is kept): "
            "mwaa-local start --no-carry-over",
        ) from error


def _migration(python: Path, postgres: Postgres, *arguments: str) -> Migration:
    variables = {"PATH": f"{python.parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return airflow_migration(python, variables, postgres, arguments)


def _one_after_the_other(*migrations: Migration) -> Migration:
    def migrate(url: str, scratch: Path) -> None:
        for number, each in enumerate(migrations):
            own = scratch / str(number)  # an Airflow would read the configuration that another one writes
            own.mkdir()
            each(url, own)

    return migrate


def _python_of(airflow: str, order: DatabaseOrder) -> Path:
    """Return an interpreter that has this Airflow: the project's last one, or the user-wide one."""
    record = load_record(order.folder)
    found = [Path(record.python)] if record is not None and record.version == airflow else []
    found += sorted(order.environments.glob(f"{airflow}-*/bin/python"))
    for python in found:
        if python.exists():
            return python
    raise DatabaseError(
        f"Only Airflow {airflow} itself can take its metadata back, and it is not on this machine any more.",
        hint=f"start once with --version {airflow}, or begin with an empty database: mwaa-local start --no-carry-over",
    )
