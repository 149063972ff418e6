"""Another version in containers: whose metadata it takes over, from which volume, and what a failure leaves."""

import json
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.errors import DatabaseError, UsageError
from mwaa_local.runtime.backend import StartWishes
from tests.compose_site import Site

CARRY, LEAVE = StartWishes(carry_over=True), StartWishes(carry_over=False)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "orders")
    made.answer()
    return made


def carried(site: Site) -> list[tuple[str, list[str]]]:
    """Return (image, arguments) of the migrations that have run while metadata were carried over."""
    found = []
    for document in site.compose.ups:
        if document["services"]["postgres"]["command"][1] == "carry-over":
            migrate = document["services"]["migrate"]
            found.append((migrate["image"], migrate["command"][3:]))
    return found


def postgres_orders(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((site.runtime.folder.compose / "postgres.json").read_text())
    return found


def test_another_version_takes_the_metadata_over_from_a_volume_that_it_only_reads(site: Site) -> None:
    site.start()
    site.start(version="2.4.3")
    assert "Carrying the metadata of Airflow 2.2.2 over to 2.4.3" in site.progress.said
    assert carried(site) == [("airflow:2.4.3", ["migrate"])]
    document = site.compose.ups[1]
    mounts = {each["target"]: each for each in document["services"]["postgres"]["volumes"]}
    assert mounts["/source"] == {
        "type": "volume",
        "source": "postgres-2.2.2",
        "target": "/source",
        "read_only": True,
    }
    assert mounts["/var/lib/postgresql/data"]["source"] == "postgres-2.4.3"
    assert postgres_orders(site)["adopt"] == document["services"]["postgres"]["command"][2]
    assert "ports" not in document["services"]["postgres"]


def test_a_version_that_has_a_database_goes_on_with_it_unless_it_is_asked_to_take_over(site: Site) -> None:
    site.start()
    site.start(version="2.4.3")
    site.start(version="2.2.2")
    assert len(carried(site)) == 1
    assert "Warning: Airflow 2.2.2 goes on with the database that it had here" in site.progress.said[-3][:70]
    assert "adopt" not in postgres_orders(site)
    site.start(CARRY, version="2.4.3")
    assert len(carried(site)) == 2


def test_a_newer_version_takes_its_metadata_back_itself(site: Site) -> None:
    site.start(version="2.10.3")
    site.start(version="2.4.3")
    assert carried(site) == [("airflow:2.10.3", ["migrate", "2.4.3"]), ("airflow:2.4.3", ["migrate"])]


def test_without_the_newer_versions_image_nothing_is_stopped(site: Site) -> None:
    site.start(version="2.10.3")
    site.images.absent = ("2.10.3",)
    with pytest.raises(DatabaseError, match="the engine has no image of it") as raised:
        site.start(version="2.4.3")
    assert raised.value.hint.startswith("mwaa-local build --version 2.10.3, or begin with an empty database")
    assert site.runtime.is_running()


def test_what_cannot_be_carried_over_is_refused_if_it_is_asked_for(site: Site) -> None:
    site.start()
    with pytest.raises(UsageError, match="cannot be carried over to 3"):
        site.start(CARRY, version="3.0.6")
    assert site.runtime.is_running()
    site.start(version="3.0.6")
    assert carried(site) == []


def test_an_empty_database_can_be_asked_for(site: Site) -> None:
    site.start()
    site.start(LEAVE, version="2.4.3")
    assert carried(site) == []
    assert any("begins with an empty database, as asked" in each for each in site.progress.said)


def test_a_migration_that_fails_leaves_the_volumes_as_they_were(site: Site) -> None:
    site.start()
    site.compose.migration = 1
    with pytest.raises(DatabaseError, match=r"of Airflow 2\.2\.2 could not be carried over") as raised:
        site.start(version="2.4.3")
    assert "--no-carry-over" in raised.value.hint
    assert site.containers.volumes[site.name] == {"postgres-2.2.2", "commands"}
    assert not site.runtime.is_running()
    site.compose.migration = 0
    site.start(version="2.4.3")
    assert len(carried(site)) == 2


def test_a_carry_over_that_was_killed_is_begun_again(site: Site) -> None:
    """What it has left of a volume is not taken for the version's own database."""
    site.start()
    site.containers.volumes[site.name].add("postgres-2.4.3")
    record = {"version": "2.2.2", "before": None, "unfinished": "2.4.3", "adopted": ""}
    (site.runtime.folder.compose / "database.json").write_text(json.dumps(record))
    site.start(version="2.4.3")
    assert carried(site) == [("airflow:2.4.3", ["migrate"])]


def test_after_a_reset_nothing_is_carried_over(site: Site) -> None:
    site.start()
    site.start(version="2.4.3")
    site.runtime.reset_database(site.load(version="2.4.3").version)
    site.start(version="2.4.3")
    assert len(carried(site)) == 1
    assert "adopt" not in postgres_orders(site)
