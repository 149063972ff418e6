"""The manifest of a deployment: which files, under which keys, and what cannot go into a bucket."""

import os
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.deploy.digests import Digests
from mwaa_local.deploy.manifest import Manifest, Part
from mwaa_local.deploy.stage import StagingSite, build_manifest
from mwaa_local.deployment import DeployedTree, Deployment, S3Layout
from mwaa_local.errors import ProjectError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "orders"
    for name in (
        "dags/etl/a.py",
        "dags/etl/sql/a.sql",
        "dags/.airflowignore",
        "requirements.txt",
        "startup.sh",
    ):
        write(root / name, name)
    return root


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def deployment(root: Path, *dags: DeployedTree) -> Deployment:
    return Deployment(
        name="staging",
        bucket="orders",
        region="eu-west-1",
        profile=None,
        environment=None,
        version="2.10.3",
        layout=S3Layout("dags", "plugins.zip", "requirements.txt", "startup.sh"),
        dags=dags or (DeployedTree(root / "dags", "dags"),),
        plugins=None,
        requirements=root / "requirements.txt",
        startup_script=root / "startup.sh",
        extras=(),
        lock=True,
        state=".mwaa-local/staging",
    )


def build(root: Path, wanted: Deployment | None = None, digests: Digests | None = None) -> Manifest:
    site = StagingSite(root, root / ".mwaa-local" / "deploy")
    return build_manifest(wanted or deployment(root), site, digests or Digests())


def keys(manifest: Manifest) -> list[str]:
    return [file.key for file in manifest.files]


def test_everything_has_its_key_and_its_part_in_order(root: Path) -> None:
    manifest = build(root)
    assert [(file.key, file.part) for file in manifest.files] == [
        ("dags/.airflowignore", Part.DAGS),
        ("dags/etl/a.py", Part.DAGS),
        ("dags/etl/sql/a.sql", Part.DAGS),
        ("requirements.txt", Part.REQUIREMENTS),
        ("startup.sh", Part.STARTUP_SCRIPT),
    ]
    assert manifest.files[1].source == root / "dags/etl/a.py"
    assert manifest.files[1].size == len("dags/etl/a.py")


def test_junk_is_left_out_and_mwaaignore_is_read(root: Path) -> None:
    for name in (
        "__pycache__/a.cpython-311.pyc",
        ".git/HEAD",
        ".DS_Store",
        "a.py~",
        "notes/secret.txt",
        "notes/a.py",
    ):
        write(root / "dags" / name)
    write(root / "dags" / ".mwaaignore", "*.txt\n")
    write(root / ".mwaaignore", "dags/etl/sql/\n")
    found = keys(build(root))
    assert found[:3] == ["dags/.airflowignore", "dags/etl/a.py", "dags/notes/a.py"]
    assert found[3:] == ["requirements.txt", "startup.sh"]


def test_only_what_is_included_goes_up(root: Path) -> None:
    write(root / "dags" / "other" / "b.py")
    tree = DeployedTree(root / "dags", "airflow/dags", ("etl/", "/.airflowignore"))
    assert keys(build(root, deployment(root, tree)))[:3] == [
        "airflow/dags/.airflowignore",
        "airflow/dags/etl/a.py",
        "airflow/dags/etl/sql/a.sql",
    ]


@pytest.mark.parametrize(("pattern", "message"), [("elt/", "Nothing in "), ("!", "cannot be read")])
def test_patterns_that_include_nothing_are_refused(root: Path, pattern: str, message: str) -> None:
    wanted = deployment(root, DeployedTree(root / "dags", "dags", (pattern,)))
    with pytest.raises(ProjectError, match=message):
        build(root, wanted)


def test_two_copies_of_a_folder_are_read_once(root: Path) -> None:
    read: list[str] = []
    copies = [DeployedTree(root / "dags" / "etl", f"dags/{name}") for name in ("prod", "staging")]
    manifest = build(root, deployment(root, *copies), Digests(None, lambda path, size: read.append(path)))
    assert keys(manifest)[:4] == [
        "dags/prod/a.py",
        "dags/prod/sql/a.sql",
        "dags/staging/a.py",
        "dags/staging/sql/a.sql",
    ]
    assert len(read) == len(set(read)) == 4


def test_requirements_in_the_dag_folder_are_one_object(root: Path) -> None:
    path = write(root / "dags" / "requirements.txt", "requests==2.31.0\n")
    wanted = replace(
        deployment(root),
        layout=S3Layout("dags", None, "dags/requirements.txt", None),
        requirements=path,
    )
    found = [file for file in build(root, wanted).files if file.key == "dags/requirements.txt"]
    assert [(file.part, file.source) for file in found] == [(Part.REQUIREMENTS, path)]


def test_two_files_for_one_key_are_refused_unless_they_are_the_same(root: Path) -> None:
    write(root / "dags" / "requirements.txt", "other")
    wanted = replace(deployment(root), layout=S3Layout("dags", None, "dags/requirements.txt", None))
    with pytest.raises(ProjectError) as caught:
        build(root, wanted)
    assert caught.value.message == (
        f"{root}/requirements.txt and {root}/dags/requirements.txt would both be dags/requirements.txt in the bucket."
    )
    write(root / "dags" / "requirements.txt", "requirements.txt")
    assert keys(build(root, wanted)).count("dags/requirements.txt") == 1


def test_a_file_and_a_folder_of_one_name_are_refused(root: Path) -> None:
    wanted = replace(deployment(root), layout=S3Layout("dags", None, "dags/etl", None))
    with pytest.raises(ProjectError, match="would be dags/etl and something in it in the bucket"):
        build(root, wanted)


def test_extras_go_where_they_are_told(root: Path) -> None:
    write(root / "config" / "log.py")
    write(root / "webserver_config.py")
    extras = (
        DeployedTree(root / "config", "airflow/config"),
        DeployedTree(root / "webserver_config.py", "airflow/webserver_config.py"),
    )
    extra = [
        file
        for file in build(root, replace(deployment(root), extras=extras)).files
        if file.part is Part.EXTRA
    ]
    assert [file.key for file in extra] == ["airflow/config/log.py", "airflow/webserver_config.py"]


def test_plugins_are_packed_once_and_the_same_each_time(root: Path) -> None:
    write(root / "plugins" / "a.py", "a = 1\n")
    wanted = replace(deployment(root), plugins=root / "plugins")
    (first,) = (file for file in build(root, wanted).files if file.part is Part.PLUGINS)
    made = first.source.stat()
    (again,) = (file for file in build(root, wanted).files if file.part is Part.PLUGINS)
    assert again == first
    assert again.source.stat().st_mtime_ns == made.st_mtime_ns
    assert zipfile.ZipFile(first.source).namelist() == ["a.py"]
    write(root / "plugins" / "a.py", "a = 2\n")
    (changed,) = (file for file in build(root, wanted).files if file.part is Part.PLUGINS)
    assert changed.sha256 != first.sha256
    assert not first.source.exists()


def test_a_plugins_zip_of_somebody_else_is_taken_as_it_is(root: Path) -> None:
    path = write(root / "plugins.zip", "whatever it is")
    (found,) = (
        file
        for file in build(root, replace(deployment(root), plugins=path)).files
        if file.part is Part.PLUGINS
    )
    assert (found.key, found.source) == ("plugins.zip", path)


def test_an_empty_plugins_folder_is_no_plugins(root: Path) -> None:
    (root / "plugins").mkdir()
    assert "plugins.zip" not in keys(build(root, replace(deployment(root), plugins=root / "plugins")))


def test_a_link_inside_the_project_is_followed(root: Path) -> None:
    write(root / "shared" / "lib.py", "lib")
    (root / "dags" / "shared").symlink_to(root / "shared")
    (root / "dags" / "lib.py").symlink_to("../shared/lib.py")
    assert {"dags/shared/lib.py", "dags/lib.py"} <= set(keys(build(root)))


def break_with_link_out(root: Path) -> None:
    (root / "dags" / "out.py").symlink_to(write(root.parent / "elsewhere.py"))


def break_with_dead_link(root: Path) -> None:
    (root / "dags" / "dead.py").symlink_to("nowhere.py")


def break_with_endless_link(root: Path) -> None:
    (root / "dags" / "etl" / "loop").symlink_to("..")


def break_with_bytes(root: Path) -> None:
    (root / "dags" / os.fsdecode(b"caf\xe9.py")).write_text("", encoding="utf-8")


def break_with_newline(root: Path) -> None:
    write(root / "dags" / "a\nb.py")


def break_with_length(root: Path) -> None:
    write(root / "dags" / "/".join(["x" * 200] * 6))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_with_link_out, "out.py is a link that leaves the project: "),
        (break_with_dead_link, "dead.py is a link to nowhere.py, which is not there."),
        (break_with_endless_link, "loop is a link to a folder above it, which has no end."),
        (break_with_bytes, "caf\\xe9.py: the name is not UTF-8, and a key of a bucket must be."),
        (break_with_newline, "the name holds a character that has a meaning of its own."),
        (break_with_length, "is too long for a key of a bucket (1024 bytes)."),
    ],
)
def test_what_cannot_go_into_a_bucket_is_named(
    root: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(root)
    with pytest.raises(ProjectError) as caught:
        build(root)
    assert message in caught.value.message
    assert str(root / "dags") in caught.value.message
    assert caught.value.hint


def test_what_is_left_out_does_no_harm(root: Path) -> None:
    break_with_dead_link(root)
    break_with_link_out(root)
    os.mkfifo(root / "dags" / "pipe")
    write(root / "dags" / ".mwaaignore", "dead.py\nout.py\n")
    assert len(keys(build(root))) == 5


def test_accents_are_spelled_in_one_way(root: Path) -> None:
    write(root / "dags" / unicodedata.normalize("NFD", "café.py"))
    assert unicodedata.normalize("NFC", "dags/café.py") in keys(build(root))


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_named(root: Path) -> None:
    (root / "dags" / "etl").chmod(0)
    with pytest.raises(ProjectError, match="etl cannot be read: Permission denied"):
        build(root)
