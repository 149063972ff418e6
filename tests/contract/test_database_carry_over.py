"""A database that another version takes over, for real: copied, migrated, put in place, or left as it was."""

from pathlib import Path

import pytest

from mwaa_local.errors import DatabaseError
from mwaa_local.runtime.carry_over import CarriedOver, carry_over
from mwaa_local.runtime.database import project_database
from tests.postgres_site import MACHINE, PASSWORD, Site, stop

pytestmark = pytest.mark.postgres


def order(site: Site, statement: str) -> CarriedOver:
    """Return the order to carry a site's database over, with a migration that is one statement."""
    home = site.postgres.user.folder

    def migrate(url: str, scratch: Path) -> None:
        sockets = url.partition("host=")[2]
        psql = [str(site.postgres.binaries.folder / "psql"), "-h", sockets, "-U", "airflow", "-c", statement]
        answer = MACHINE.runner.run([*psql, "airflow"], cwd=scratch, timeout=30)
        if answer.exit_code != 0 or "ERROR" in answer.stderr:
            raise DatabaseError(answer.stderr.strip())

    return CarriedOver(site.database, project_database(home, "2.4.3"), migrate)


def test_the_copy_is_migrated_and_the_original_is_as_it_was(each_site: Site) -> None:
    with each_site.running():
        each_site.query("CREATE TABLE runs AS SELECT 1 AS number")
    carried = order(each_site, "ALTER TABLE runs ADD COLUMN more int DEFAULT 5")
    carry_over(carried, PASSWORD, each_site.postgres)

    with each_site.running():
        assert each_site.query("SELECT * FROM runs") == "1"
    each_site.database = carried.target
    with each_site.running():
        assert each_site.query("SELECT * FROM runs") == "1|5"
        assert "password authentication failed" in each_site.query("SELECT 1", "wrong")


def test_a_database_whose_server_was_killed_is_carried_over_whole(site: Site) -> None:
    server = site.start()
    site.query("CREATE TABLE runs AS SELECT generate_series(1, 500) AS number")
    stop(server, 9)
    carried = order(site, "INSERT INTO runs VALUES (501)")
    carry_over(carried, PASSWORD, site.postgres)

    site.database = carried.target
    with site.running():
        assert site.query("SELECT count(*) FROM runs") == "501"


def test_a_migration_that_fails_leaves_nothing_behind(site: Site) -> None:
    carried = order(site, "ALTER TABLE nowhere ADD COLUMN more int")
    with pytest.raises(DatabaseError, match='relation "nowhere" does not exist'):
        carry_over(carried, PASSWORD, site.postgres)

    assert sorted(path.name for path in site.postgres.user.folder.iterdir() if path.is_dir()) == ["2.2.2"]
    with site.running():
        assert site.query("SELECT 1") == "1"


def test_a_database_that_was_there_is_put_aside(site: Site) -> None:
    for number in (1, 2, 3):
        with site.running():
            site.query(f"CREATE TABLE run{number} ()")
        carry_over(order(site, "SELECT 1"), PASSWORD, site.postgres)

    names = sorted(path.name for path in site.postgres.user.folder.iterdir() if path.is_dir())
    assert names == ["2.2.2", "2.4.3", "2.4.3.replaced"]
    tables = "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE tablename ~ '^run'"
    for name, found in (("2.4.3", "run1 run2 run3"), ("2.4.3.replaced", "run1 run2")):
        site.database = project_database(site.postgres.user.folder, name)
        with site.running():
            assert site.query(tables) == found
