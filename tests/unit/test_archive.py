"""plugins.zip: the same bytes everywhere, sane modes, no junk, nothing from outside the folder."""

import os
import unicodedata
import zipfile
from pathlib import Path

import pytest

from mwaa_local.deploy.archive import write_archive
from mwaa_local.deploy.ignored import load_ignored
from mwaa_local.deploy.plugins_tree import PluginsTree, add_files, collect_plugins
from mwaa_local.deploy.wheels import collect_wheels
from mwaa_local.errors import MwaaLocalError, ProjectError, UsageError

KNOWN_DIGEST = "8c647ff38eb1601da9f4ec1218dbf76757079c7d82d02f38c30cf62d3282a85d"
"""Of the archive of `make_plugins`: the same on every machine, Python and day."""


def make_plugins(root: Path) -> Path:
    plugins = root / "plugins"
    (plugins / "operators").mkdir(parents=True)
    (plugins / "operators" / "copy.py").write_text("class Copy: pass\n")
    (plugins / "run.sh").write_text("#!/bin/bash\necho hi\n")
    (plugins / "été.txt").write_text("summer\n")
    (plugins / "tool").write_bytes(b"data")
    (plugins / "tool").chmod(0o755)
    return plugins


def collect(root: Path) -> PluginsTree:
    return collect_plugins(root / "plugins", load_ignored(root / "plugins", root))


def names(root: Path) -> list[str]:
    return [file.name for file in collect(root).files]


def modes(root: Path) -> dict[str, int]:
    return {file.name: file.mode for file in collect(root).files}


def test_the_bytes_are_the_same_on_every_machine(tmp_path: Path) -> None:
    make_plugins(tmp_path)
    assert write_archive(collect(tmp_path).files, tmp_path / "a.zip").sha256 == KNOWN_DIGEST


def test_times_the_order_of_creation_and_the_umask_do_not_show(tmp_path: Path) -> None:
    make_plugins(tmp_path / "one")
    other = make_plugins(tmp_path / "other")
    for path in sorted(other.rglob("*"), reverse=True):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    (other / "operators" / "copy.py").chmod(0o600)
    (other / "run.sh").chmod(0o711)
    one = write_archive(collect(tmp_path / "one").files, tmp_path / "one.zip")
    same = write_archive(collect(tmp_path / "other").files, tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    assert one.sha256 == same.sha256


def test_writing_the_same_again_says_that_nothing_changed(tmp_path: Path) -> None:
    make_plugins(tmp_path)
    files = collect(tmp_path).files
    assert write_archive(files, tmp_path / "a.zip").changed
    assert not write_archive(files, tmp_path / "a.zip").changed


def test_a_compressed_archive_holds_the_same_and_is_smaller(tmp_path: Path) -> None:
    (make_plugins(tmp_path) / "long.txt").write_text("again and " * 1000)
    stored = write_archive(collect(tmp_path).files, tmp_path / "stored.zip")
    small = write_archive(collect(tmp_path).files, tmp_path / "small.zip", compress=True)
    assert small.size < stored.size
    with zipfile.ZipFile(small.path) as archive:
        assert archive.read("long.txt") == b"again and " * 1000


def test_scripts_become_executable_and_executables_stay_so(tmp_path: Path) -> None:
    make_plugins(tmp_path)
    assert modes(tmp_path) == {
        "operators/copy.py": 0o644,
        "run.sh": 0o755,
        "tool": 0o755,
        "été.txt": 0o644,
    }


def test_where_every_file_is_executable_the_file_system_knows_no_modes(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    for path in plugins.rglob("*.*"):
        path.chmod(0o777)
    assert modes(tmp_path) == {
        "operators/copy.py": 0o644,
        "run.sh": 0o755,
        "tool": 0o644,
        "été.txt": 0o644,
    }


def test_junk_is_left_out_and_named(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    (plugins / "operators" / "__pycache__").mkdir()
    (plugins / "operators" / "__pycache__" / "copy.pyc").touch()
    for name in (".DS_Store", "._run.sh", "run.sh~", ".run.sh.swp", "old.pyc", ".mwaaignore"):
        (plugins / name).touch()
    (plugins / ".git").mkdir()
    tree = collect(tmp_path)
    assert [file.name for file in tree.files] == ["operators/copy.py", "run.sh", "tool", "été.txt"]
    assert tree.left_out == (
        ".DS_Store",
        "._run.sh",
        ".git/",
        ".mwaaignore",
        ".run.sh.swp",
        "old.pyc",
        "operators/__pycache__/",
        "run.sh~",
    )


def test_mwaaignore_leaves_out_and_brings_back(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    (plugins / "kept.pyc").touch()
    (plugins / ".mwaaignore").write_text("# mine\n*.txt\n!kept.pyc\noperators/\n")
    assert names(tmp_path) == ["kept.pyc", "run.sh", "tool"]


def test_the_projects_mwaaignore_starts_at_the_project(tmp_path: Path) -> None:
    make_plugins(tmp_path)
    (tmp_path / ".mwaaignore").write_text("/plugins/tool\n/tool.py\n")
    assert "tool" not in names(tmp_path)


@pytest.mark.parametrize("line", ["!", "[z-a]"])
def test_a_line_of_mwaaignore_that_is_no_pattern_is_named(tmp_path: Path, line: str) -> None:
    plugins = make_plugins(tmp_path)
    (plugins / ".mwaaignore").write_text(f"{line}\n")
    with pytest.raises(ProjectError, match=r"\.mwaaignore"):
        collect(tmp_path)


def test_links_inside_the_folder_become_what_they_point_to(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    (plugins / "alias.sh").symlink_to("run.sh")
    (plugins / "hooks").symlink_to("operators")
    assert names(tmp_path) == [
        "alias.sh",
        "hooks/copy.py",
        "operators/copy.py",
        "run.sh",
        "tool",
        "été.txt",
    ]
    assert modes(tmp_path)["alias.sh"] == 0o755


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    (tmp_path / "secret").write_text("x")
    (plugins / "alias").symlink_to(tmp_path / "secret")
    with pytest.raises(ProjectError) as caught:
        collect(tmp_path)
    assert caught.value.message == (
        f"{plugins / 'alias'} is a link that leaves the plugins folder: {tmp_path / 'secret'}."
    )


def test_a_link_that_leaves_the_folder_can_be_left_out(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    (plugins / "alias").symlink_to("/etc/passwd")
    (plugins / "gone").symlink_to("nowhere")
    (plugins / ".mwaaignore").write_text("alias\ngone\n")
    assert "alias" not in names(tmp_path)


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (make_plugins(tmp_path) / "alias").symlink_to("nowhere")
    with pytest.raises(ProjectError, match="is a link to nowhere, which is not there"):
        collect(tmp_path)


@pytest.mark.parametrize("target", [".", "../operators", ".."])
def test_links_in_a_circle_are_refused(tmp_path: Path, target: str) -> None:
    (make_plugins(tmp_path) / "operators" / "loop").symlink_to(target)
    with pytest.raises(ProjectError, match=r"which has no end|leaves the plugins folder"):
        collect(tmp_path)


def test_two_spellings_of_a_name_become_one(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    (plugins / "été.txt").rename(plugins / unicodedata.normalize("NFD", "été.txt"))
    assert write_archive(collect(tmp_path).files, tmp_path / "a.zip").sha256 == KNOWN_DIGEST


def test_two_files_whose_names_differ_in_spelling_only_are_refused(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    (plugins / unicodedata.normalize("NFD", "été.txt")).touch()
    if len(list(plugins.glob("*.txt"))) == 1:
        pytest.skip("this file system spells names itself")
    with pytest.raises(ProjectError, match="the same name once accents are spelled alike"):
        collect(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    plugins = make_plugins(tmp_path)
    try:
        Path(os.fsdecode(os.fsencode(plugins) + b"/\xff.py")).touch()
    except OSError:
        pytest.skip("this file system takes text only")
    with pytest.raises(ProjectError, match=r"\\xff\.py: the name is not UTF-8"):
        collect(tmp_path)


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(make_plugins(tmp_path) / "pipe")
    assert collect(tmp_path).left_out == ("pipe",)


def test_wheels_join_the_plugins_at_the_root(tmp_path: Path) -> None:
    make_plugins(tmp_path)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in ("a-1.0-py3-none-any.whl", "constraints.txt", "notes.md"):
        (wheels / name).write_text(name)
        (wheels / name).chmod(0o777)
    tree = add_files(collect(tmp_path), collect_wheels(wheels))
    added = {file.name: file.mode for file in tree.files if file.path.parent == wheels}
    assert added == {"a-1.0-py3-none-any.whl": 0o644, "constraints.txt": 0o644}


def test_a_wheel_that_differs_from_the_one_in_plugins_is_refused(tmp_path: Path) -> None:
    plugins, wheels = make_plugins(tmp_path), tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "a-1.0-py3-none-any.whl").write_text("one")
    (plugins / "a-1.0-py3-none-any.whl").write_text("one")
    assert add_files(collect(tmp_path), collect_wheels(wheels)).files == collect(tmp_path).files
    (plugins / "a-1.0-py3-none-any.whl").write_text("other")
    with pytest.raises(ProjectError, match="and they differ"):
        add_files(collect(tmp_path), collect_wheels(wheels))


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_without_wheels_is_refused(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "wheels").mkdir()
    with pytest.raises(UsageError, match=r"is not a folder|no wheel in"):
        collect_wheels(tmp_path / "wheels")


def test_an_archive_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    make_plugins(tmp_path)
    with pytest.raises(MwaaLocalError, match="cannot be written"):
        write_archive(collect(tmp_path).files, tmp_path / "nowhere" / "a.zip")
    (tmp_path / "a.zip").mkdir()
    with pytest.raises(MwaaLocalError, match="cannot be written"):
        write_archive(collect(tmp_path).files, tmp_path / "a.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "plugins"]
