import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mwaa_local.runtime.cache_entry import MARKER
from tests.cli.environments import Cli

FORTY_DAYS_AGO = time.time() - 40 * 86400


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment in the cache that nobody has used for forty days."""
    folder = tmp_path / "cache" / "environments" / "2.2.2-0123"
    folder.mkdir(parents=True)
    (folder / MARKER).write_text('{"airflow": "2.2.2"}')
    lock = folder.with_name(".2.2.2-0123.lock")
    lock.touch()
    for path in (folder / MARKER, folder, lock):
        os.utime(path, (FORTY_DAYS_AGO, FORTY_DAYS_AGO))
    return folder


def test_nothing_is_removed_where_nobody_can_be_asked(cli: Cli, environment: Path) -> None:
    refused = cli("cache", "prune")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert "add --yes" in refused.stderr
    assert environment.is_dir()


def test_all_and_an_age_contradict_each_other(cli: Cli, environment: Path) -> None:
    refused = cli("cache", "prune", "--all", "--older-than", "3", "--yes")
    assert refused.exit_code == 2
    assert "--all and --older-than contradict each other." in refused.stderr
    assert environment.is_dir()


def test_an_age_is_a_number_of_days(cli: Cli) -> None:
    assert cli("cache", "prune", "--older-than", "-1").exit_code == 2
    assert cli("cache", "prune", "--older-than", "soon").exit_code == 2


def test_what_was_not_used_for_a_month_is_shown_and_removed(cli: Cli, environment: Path) -> None:
    listed = cli("cache", "list")
    assert listed.exit_code == 0
    assert listed.stdout.splitlines() == [
        "KIND          NAME        SIZE    FREES   USED",
        "environments  2.2.2-0123  4.0 KB  4.0 KB  40 d ago",
    ]
    assert cli("cache", "prune", "--older-than", "50", "--yes").stdout == "Nothing to remove.\n"

    pruned = cli("cache", "prune", "--yes")

    assert (pruned.exit_code, pruned.stdout) == (0, "Removed 1: 4.0 KB freed.\n")
    assert "2.2.2-0123" in pruned.stderr
    assert not environment.exists()
    assert cli("cache", "list").stdout == "Nothing is cached.\n"


def test_what_a_process_runs_from_is_in_use_and_stays(cli: Cli, environment: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", str(environment / "bin" / "python")]
    with subprocess.Popen(command, stdin=subprocess.PIPE):
        assert cli("cache", "list").stdout.splitlines()[1].endswith("40 d ago  in use")
        assert cli("cache", "prune", "--all", "--yes").stdout == "Nothing to remove.\n"
    assert cli("cache", "prune", "--all", "--yes").stdout == "Removed 1: 4.0 KB freed.\n"


def test_machines_are_told_what_was_removed(
    cli: Cli, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MWAA_LOCAL_OLDER_THAN", "50")
    assert json.loads(cli("cache", "prune", "--yes", "--json").stdout) == []
    monkeypatch.setenv("MWAA_LOCAL_OLDER_THAN", "3")
    (removed,) = json.loads(cli("cache", "prune", "--yes", "--json").stdout)
    assert removed["name"] == environment.name
    assert removed["in_use"] is False
    assert removed["changed_files"] == []


def test_a_shared_file_that_was_edited_in_place_is_reported(cli: Cli, environment: Path) -> None:
    (environment / "library.py").write_text("breakpoint()")
    os.utime(environment, (FORTY_DAYS_AGO, FORTY_DAYS_AGO))
    assert cli("cache", "list").stdout.splitlines()[1].endswith("40 d ago  edited")
    checks = json.loads(cli("doctor", "--json", "--project", str(environment)).stdout)["checks"]
    (check,) = (check for check in checks if check["name"] == "Shared files")
    assert check["verdict"] == "warning"
    assert check["found"] == "edited since 2.2.2-0123 was built: library.py"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Wheels of two versions' images, as a build keeps them, which nobody has needed for forty days."""
    folder = tmp_path / "cache" / "wheels" / "0123456789ab"
    folder.mkdir(parents=True)
    airflow = ("apache-airflow-2.10.3.tar.gz", "apache_airflow-2.2.2-py3-none-any.whl")
    for name in (*airflow, "apache-airflow-providers-ftp-2.0.1.tar.gz"):
        (folder / name).write_bytes(b"PK")
    schema = tmp_path / "cache" / "schemas" / "ba9876543210"
    schema.mkdir(parents=True)
    (schema / "schema.sql").write_text("CREATE TABLE dag ();")
    (schema / "airflow.txt").write_text("2.2.2")
    for made in (folder, schema):
        lock = made.with_name(f".{made.name}.lock")
        lock.touch()
        for path in (*made.iterdir(), made, lock):
            os.utime(path, (FORTY_DAYS_AGO, FORTY_DAYS_AGO))
    return folder


def test_what_images_are_built_with_is_listed_by_digest_and_removed_as_the_rest(
    cli: Cli, wheels: Path
) -> None:
    assert cli("cache", "list").stdout.splitlines() == [
        "KIND     NAME          SIZE     FREES    USED",
        "wheels   0123456789ab  12.0 KB  12.0 KB  40 d ago  images of Airflow 2.2.2, 2.10.3",
        "schemas  ba9876543210  8.0 KB   8.0 KB   40 d ago  images of Airflow 2.2.2",
    ]
    lock = wheels.with_name(".0123456789ab.lock")
    os.utime(lock)
    listed = {item["kind"]: item for item in json.loads(cli("cache", "list", "--json").stdout)}
    assert (listed["wheels"]["purpose"], listed["wheels"]["in_use"]) == (
        "images of Airflow 2.2.2, 2.10.3",
        True,
    )
    pruned = json.loads(cli("cache", "prune", "--yes", "--json").stdout)
    assert [item["name"] for item in pruned] == ["ba9876543210"]
    assert wheels.is_dir()
