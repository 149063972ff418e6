"""The layer of packages: how installed packages are made smaller and packed, how archives become one layer."""

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mwaa_local.adapters.docker_files import chain_archives
from mwaa_local.catalog import Pin, data_folder
from mwaa_local.runtime.image import write_layer
from mwaa_local.wheel_files import archive_of

FLASK = "flask-1.1.2.tar.gz"
INFO = "Some_Package-1.0.dist-info"
FILES = {
    "some_package/__init__.py": "answer = 42\n",
    "some_package/tests/test_it.py": "",
    "some_package/static/page.js.map": "{}",
    "botocore/data/s3/service-2.json": '{\n  "words": "with spaces",\n  "é": 1\n}\n',
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: Some.Package\nVersion: 1.0\n\nName: of something else\n",
}


def read(*archives: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(chain_archives(archives)))) as archive:
        return {entry.name: entry for entry in archive}


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A prefix as an installer leaves it."""
    site = tmp_path / "usr" / "lib" / "python3.7" / "site-packages"
    rows = [*FILES, f"{INFO}/RECORD", "../../../bin/answer"]
    for name, text in {**FILES, f"{INFO}/RECORD": "".join(f"{row},,\n" for row in rows)}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    program = tmp_path / "usr" / "bin" / "answer"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 42\n")
    program.chmod(0o755)
    return tmp_path / "usr"


def finish(prefix: Path, out: Path) -> Path:
    out.mkdir(exist_ok=True)
    program = data_folder("images") / "finish_packages.py"
    subprocess.run([sys.executable, str(program), str(prefix), str(out)], check=True)
    (made,) = out.iterdir()
    return made


def test_a_package_is_packed_compiled_and_without_what_nobody_needs(prefix: Path, tmp_path: Path) -> None:
    made = finish(prefix, tmp_path / "out")
    assert made.name == "some-package-1.0.tar.gz"
    root = str(prefix).lstrip("/")
    files = {name.removeprefix(f"{root}/") for name, entry in read(made).items() if entry.isfile()}
    site = "lib/python3.7/site-packages"
    compiled = f"__init__.{sys.implementation.cache_tag}.pyc"
    assert files == {
        "bin/answer",
        f"{site}/botocore/data/s3/service-2.json",
        f"{site}/some_package/__init__.py",
        f"{site}/some_package/__pycache__/{compiled}",
        f"{site}/{INFO}/METADATA",
        f"{site}/{INFO}/RECORD",
    }


def test_every_user_may_write_what_is_packed_and_programs_can_be_run(prefix: Path, tmp_path: Path) -> None:
    entries = read(finish(prefix, tmp_path / "out"))
    assert {(entry.mode & 0o666, entry.uid) for entry in entries.values()} == {(0o666, 1000)}
    assert {entry.mode for entry in entries.values() if entry.isdir()} == {0o777}
    assert [Path(name).name for name, entry in entries.items() if entry.isfile() and entry.mode & 0o100] == [
        "answer"
    ]


def test_the_record_says_what_is_there_as_it_is_now(prefix: Path, tmp_path: Path) -> None:
    finish(prefix, tmp_path / "out")
    site = prefix / "lib" / "python3.7" / "site-packages"
    rows = [line.split(",") for line in (site / INFO / "RECORD").read_text().splitlines()]
    assert {row[0] for row in rows} == {
        "../../../bin/answer",
        "some_package/__init__.py",
        "botocore/data/s3/service-2.json",
        f"{INFO}/METADATA",
        f"{INFO}/RECORD",
    }
    content = (site / "botocore/data/s3/service-2.json").read_bytes()
    assert content.decode() == '{"words":"with spaces","é":1}'
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    assert ["botocore/data/s3/service-2.json", f"sha256={digest}", str(len(content))] in rows


def test_archives_without_an_end_are_one_archive_after_the_other(prefix: Path, tmp_path: Path) -> None:
    place = "usr/local/airflow/.local/etc/airflow_constraints.txt"
    write_layer(tmp_path / "first.tar.gz", {place: "flask==1.1.2\n"})
    names = list(read(tmp_path / "first.tar.gz", finish(prefix, tmp_path / "out")))
    assert names[:3] == ["usr/local/airflow/.local", "usr/local/airflow/.local/etc", place]
    assert f"{prefix}/bin/answer".lstrip("/") in names[3:]


def test_the_layer_begins_with_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("one.tar.gz", "two.tar.gz"):
        write_layer(tmp_path / name, {"opt/mwaa-local/schema.sql": "CREATE"})
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    entries = read(tmp_path / "one.tar.gz")
    assert {(entry.mode & 0o666, entry.uid, entry.gid) for entry in entries.values()} == {(0o666, 1000, 1000)}


@pytest.mark.parametrize(
    ("pin", "file", "fits"),
    [
        (Pin("flask", "1.1.2"), FLASK, True),
        (Pin("flask-appbuilder", "3.3.4"), "flask-appbuilder-3.3.4.tar.gz", True),
        (Pin("pytz", "2021.03"), "pytz-2021.3.tar.gz", True),
        (Pin("flask", "1.1.20"), FLASK, False),
        (Pin("flask", "1.1.2"), "notes.tar.gz", False),
        (Pin("flask", "1.1.2"), "flask-1.1.2.partial", False),
    ],
)
def test_an_archive_is_found_by_the_rules_of_packaging(pin: Pin, file: str, fits: bool) -> None:
    assert archive_of(pin, [file]) == (file if fits else None)
