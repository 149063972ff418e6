"""`.mwaaignore` in several folders: what it means to git, it means to us."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mwaa_local.deploy.ignored import load_ignored
from mwaa_local.deploy.plugins_tree import collect_plugins


def names(root: Path) -> list[str]:
    tree = collect_plugins(root / "plugins", load_ignored(root / "plugins", root))
    return [file.name for file in tree.files]


NESTED = {
    ".mwaaignore": "*.log\n*.csv\n!keep.log\n",
    "plugins/.mwaaignore": "!*.csv\n/data/raw/\n",
    "plugins/data/.mwaaignore": "/top.csv\n!deep/*.log\nkeep.log\n",
    "plugins/a.log": "",
    "plugins/keep.log": "",
    "plugins/a.csv": "",
    "plugins/data/top.csv": "",
    "plugins/data/keep.log": "",
    "plugins/data/deep/top.csv": "",
    "plugins/data/deep/b.log": "",
    "plugins/data/raw/.mwaaignore": "!*\n",
    "plugins/data/raw/c.csv": "",
}


def make_nested(root: Path, ignore_name: str) -> None:
    for name, text in NESTED.items():
        path = root / name.replace(".mwaaignore", ignore_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_nested_mwaaignore_counts_more_than_those_above_it(tmp_path: Path) -> None:
    make_nested(tmp_path, ".mwaaignore")
    assert names(tmp_path) == ["a.csv", "data/deep/b.log", "data/deep/top.csv", "keep.log"]


def test_nested_ignore_files_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    make_nested(tmp_path, ".gitignore")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard", "plugins"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    make_nested(tmp_path / "ours", ".mwaaignore")
    git = [name.removeprefix("plugins/") for name in listed if not name.endswith(".gitignore")]
    assert names(tmp_path / "ours") == sorted(git)
