"""Folders of wheels: what of them goes into plugins.zip."""

from pathlib import Path

from mwaa_local.deploy.plugins_tree import PLAIN, TreeFile, read_tree_file
from mwaa_local.errors import UsageError

CONSTRAINTS = "constraints*.txt"


def collect_wheels(folder: Path) -> tuple[TreeFile, ...]:
    """Return the wheels of `folder`, and constraints files that lie with them, as files for the root of an archive."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", hint="Name the folder that holds the wheels.")
    paths = sorted([*folder.glob("*.whl"), *folder.glob(CONSTRAINTS)])
    if not paths:
        raise UsageError(
            f"There is no wheel in {folder}.", hint="Make the bundle first: mwaa-local package-requirements"
        )
    files = (read_tree_file(path, path.name) for path in paths)
    return tuple(TreeFile(file.name, file.path, file.size, PLAIN, file.head) for file in files)
