"""AIRFLOW_HOME, the roles' own homes, and a digest of what needs a restart when it changes."""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mwaa_local import __version__
from mwaa_local.catalog import Generation, MwaaVersion
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.errors import ProjectError, RuntimeStateError
from mwaa_local.runtime.state import Secrets, StateFolder, unwritable, write_private

ADMIN = "admin"


def prepare_home(folder: StateFolder, project: Project, version: MwaaVersion, secrets: Secrets) -> None:
    """Make AIRFLOW_HOME with `dags` and `plugins` where MWAA has them; RuntimeStateError if that cannot be."""
    home = folder.airflow_home
    if "%" in str(home) and version.generation is not Generation.AIRFLOW_3:
        raise ProjectError(
            f"Airflow {version.airflow} cannot run tasks in a folder with a % in its path: {project.root}",
            hint="rename the folder: Airflow's configuration takes a % for the beginning of a reference",
        )
    try:
        for made in (home / "logs", home / "config", folder.root / "no-plugins"):
            made.mkdir(parents=True, exist_ok=True)
        _forget_other_version(home, version.airflow)
        point_link(home / "dags", project.dags)
        point_link(home / "plugins", project.plugins or folder.root / "no-plugins")
    except OSError as error:
        raise unwritable(home, error) from error
    if version.generation is Generation.AIRFLOW_3:
        write_private(folder.root / "passwords.json", json.dumps({ADMIN: secrets.admin_password}))


def _forget_other_version(home: Path, airflow: str) -> None:
    """Remove what another Airflow has generated as its defaults: they are not this one's."""
    marker = home / ".version"
    if marker.exists() and marker.read_text(encoding="utf-8") == airflow:
        return
    for name in ("airflow.cfg", "webserver_config.py", "unittests.cfg"):
        (home / name).unlink(missing_ok=True)
    marker.write_text(airflow, encoding="utf-8")


def prepare_own_folder(folder: StateFolder, service: str) -> None:
    """Make HOME and TMPDIR of a service."""
    own = folder.own_folders
    try:
        own.home(service).mkdir(parents=True, exist_ok=True)
        _make_private(own.temporary)
        own.tmp(service).mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(Path(error.filename or own.homes), error) from error


def remove_temporary_files(folder: StateFolder) -> None:
    """Remove what services have left in their TMPDIRs: a container's is gone with it, too."""
    if folder.root.is_dir():
        shutil.rmtree(folder.own_folders.temporary, ignore_errors=True)


def remove_idle_folders(folder: StateFolder, service: str) -> None:
    """Remove a TMPDIR that nobody uses any more, unless there is something in it that may be looked at."""
    own = folder.own_folders
    with suppress(OSError):
        own.tmp(service).rmdir()
        own.temporary.rmdir()


def _make_private(path: Path) -> None:
    """Make a folder that only we can use; RuntimeStateError if somebody else has made it in the meantime."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise RuntimeStateError(
            f"{path} belongs to somebody else.", hint="remove it, or ask its owner to; then start again"
        )


def point_link(link: Path, target: Path) -> None:
    """Make `link` point to `target`, whatever it pointed to before."""
    if link.is_symlink() and link.readlink() == target:
        return
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target, target_is_directory=True)
    temporary.replace(link)


def request_digest(loaded: LoadedConfig, project: Project) -> str:
    """Return a digest of what a start is asked for: wishes, places, requirements, startup script, plugins."""
    digest = hashlib.sha256(repr((__version__, loaded.config, project)).encode())
    texts = [project.requirements, project.startup_script, loaded.config.secrets_file]
    for folder in {project.root, project.dags, *(path.parent for path in texts if path)}:
        texts += sorted(folder.glob("*.txt"))  # nested requirements and constraints
    for path in texts:
        if path is not None and path.is_file():
            digest.update(path.read_bytes())
    return project_fingerprint(project, digest.hexdigest())


def generation_digest(loaded: LoadedConfig, project: Project) -> str:
    """Return a digest of what the processes are started for: of all that is asked for but the number of workers."""
    usual = replace(loaded.config, workers=1, autoscale=False, min_workers=1, max_workers=1)
    return request_digest(replace(loaded, config=usual), project)[:16]


def project_fingerprint(project: Project, environment_key: str) -> str:
    """Return a digest of what the roles have loaded for good once they run: packages and plugins."""
    digest = hashlib.sha256(environment_key.encode())
    for entry in _plugin_files(project.plugins):
        digest.update(repr(entry).encode())
    return digest.hexdigest()


def _plugin_files(plugins: Path | None) -> Iterator[tuple[str, int, int]]:
    if plugins is None:
        return
    for folder, names, files in os.walk(plugins):
        names[:] = sorted(name for name in names if name != "__pycache__")
        for file in sorted(files):
            path = Path(folder, file)
            try:
                found = path.stat()
            except OSError:
                continue
            yield str(path.relative_to(plugins)), found.st_size, found.st_mtime_ns
