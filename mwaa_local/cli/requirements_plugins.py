"""The plugins folder as requirements see it on MWAA: what plugins.zip holds lies in /usr/local/airflow/plugins."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mwaa_local.config import Project
from mwaa_local.runtime.cache_folder import cache_folder

ARCHIVE = "plugins.zip"
_MENTION = "/usr/local/airflow/plugins"


def with_archived_plugins(project: Project, environ: Mapping[str, str]) -> Project:
    """Return the project with a plugins folder that has the files of plugins.zip, too, where requirements name it.

    MwaaLocalError if the archive cannot be unpacked safely. The project's own folder stays as it is.
    """
    archive = _find_archive(project) if project.requirements else None
    if archive is None or not _mentions(project):
        return project
    status = archive.stat()
    facts = f"{archive} {status.st_size} {status.st_mtime_ns} {_own_names(project)}"
    home = cache_folder(environ, Path.home()) / "requirements" / f"plugins-{_digest(str(project.root))}"
    folder = home / _digest(facts)
    if not folder.is_dir():
        _unpack(archive, project, folder)
    return replace(project, plugins=folder)


def _find_archive(project: Project) -> Path | None:
    assert project.requirements is not None
    places = (project.root / ARCHIVE, project.requirements.parent / ARCHIVE)
    return next((file for file in places if file.is_file()), None)


def _mentions(project: Project) -> bool:
    """Return whether a text file beside the requirements, or in dags/, speaks of the plugins folder."""
    assert project.requirements is not None
    files = {project.requirements, *project.requirements.parent.glob("*.txt"), *project.dags.glob("*.txt")}
    # Every file of that kind: which of them are included is known only when they are read.
    return any(_MENTION in _text(file) for file in files)


def _text(file: Path) -> str:
    try:
        return file.read_bytes().replace(b"\0", b"").decode("utf-8", errors="replace")
    except OSError:
        return ""


def _own_names(project: Project) -> tuple[str, ...]:
    return tuple(sorted(each.name for each in project.plugins.iterdir())) if project.plugins else ()


def _unpack(archive: Path, project: Project, folder: Path) -> None:
    # Few projects need it.
    import shutil
    import tempfile

    from mwaa_local.deploy.unpacking import unpack_archive

    folder.parent.mkdir(parents=True, exist_ok=True)
    for old in folder.parent.iterdir():
        shutil.rmtree(old, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder.parent))
    try:
        unpack_archive(archive, partial)
        for name in _own_names(project):
            # What lies in the folder is newer than what was packed.
            _take_over(Path(str(project.plugins), name), partial / name)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _take_over(own: Path, place: Path) -> None:
    import shutil

    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(own)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
