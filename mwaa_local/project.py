"""Find a project: the folder, and the DAGs, plugins, requirements and startup script in it.

No configuration is needed; `[paths]` in `mwaa-local.toml`, or a flag or variable, can say otherwise. A folder without
DAGs of its own that was started with `--dags` is the project of those DAGs from then on.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.config import CONFIG_FILE, PATH_OPTIONS, STATE_FOLDER, Origin, Project, Source, path_flag
from mwaa_local.config_file import ConfigFile, load_config_file
from mwaa_local.errors import ConfigError, ProjectError
from mwaa_local.last_flags import find_last_dags

_REQUIREMENTS = ("requirements.txt", "requirements/requirements.txt", "dags/requirements.txt")
_STARTUP_SCRIPTS = ("startup.sh", "startup_script/startup.sh")


@dataclass(frozen=True, slots=True)
class PathOverride:
    """A path that a flag or a variable sets; a relative one starts at the current folder."""

    path: Path
    origin: Origin


def path_overrides(
    flags: Mapping[str, str | Path | None], environ: Mapping[str, str]
) -> dict[str, PathOverride]:
    """Collect the paths that flags (by the names in PATH_OPTIONS) and `MWAA_LOCAL_*` variables set."""
    found: dict[str, PathOverride] = {}
    for name in PATH_OPTIONS:
        flag, variable = flags.get(name), f"MWAA_LOCAL_{name.upper()}"
        if flag is not None:
            found[name] = PathOverride(Path(flag), Origin(Source.FLAG, path_flag(name)))
        elif environ.get(variable):
            found[name] = PathOverride(Path(environ[variable]), Origin(Source.VARIABLE, variable))
    return found


def path_variables(project: Project) -> dict[str, str]:
    """Return the variables with which a process finds the same files, wherever flags have said they are."""
    paths = (project.dags, project.plugins, project.requirements, project.startup_script)
    named = zip(PATH_OPTIONS, paths, strict=True)
    return {f"MWAA_LOCAL_{name.upper()}": str(path) for name, path in named if path is not None}


def find_project(folder: Path, overrides: Mapping[str, PathOverride] | None = None) -> Project:
    """Find the project that `folder` is, or lies in."""
    try:
        return _find(folder, overrides or {})
    except OSError as error:
        # A folder above that may not be searched, a current folder that is gone, a name that is too long, ...
        raise ProjectError(
            f"{error.filename or folder} cannot be read: {error.strerror}.",
            hint="Give a project's folder that you may read.",
        ) from error


def _find(folder: Path, overrides: Mapping[str, PathOverride]) -> Project:
    start = folder.absolute()
    if not start.is_dir():
        what = "is not a folder" if start.exists() else "does not exist"
        raise ProjectError(f"{folder} {what}.", hint="Give the folder of a project.")
    root = start if "dags" in overrides else _find_root(start)
    config_path = root / CONFIG_FILE
    file = load_config_file(config_path) if os.path.lexists(config_path) else None
    finder = _Finder(root, file, overrides)
    return Project(
        root=root,
        dags=finder.dags(),
        plugins=finder.folder("plugins"),
        requirements=finder.file("requirements", _REQUIREMENTS),
        startup_script=finder.file("startup_script", _STARTUP_SCRIPTS),
        config_file=config_path if file else None,
    )


def _find_root(start: Path) -> Path:
    """Return the folder of the project; the nearest one, unless it lies inside the DAGs of another."""
    root: Path | None = None
    started: Path | None = None
    for folder in (start, *start.parents):
        has_config = os.path.lexists(folder / CONFIG_FILE)
        # dags/dags, or airflow/dags with a mwaa-local.toml beside airflow/: the outer folder is the project.
        if (has_config or (folder / "dags").is_dir()) and (root is None or _is_inside(root, folder)):
            root = folder
        if root is None and started is None and find_last_dags(folder / STATE_FOLDER):
            started = folder
        if (folder / ".git").exists():
            break
    root = root or started
    if root is None:
        raise ProjectError(
            f"{start} has no dags folder, and no folder above it has one.",
            hint="Go to the project's folder, or make a project with: mwaa-local init",
        )
    return root


def _is_inside(root: Path, outer: Path) -> bool:
    return not os.path.lexists(root / CONFIG_FILE) and (root / "dags").is_relative_to(_dags_of(outer))


def _dags_of(folder: Path) -> Path:
    path = folder / CONFIG_FILE
    named = load_config_file(path).get("paths", "dags") if path.is_file() else None
    return Path(os.path.normpath(folder / named)) if isinstance(named, str) else folder / "dags"


@dataclass(frozen=True, slots=True)
class _Finder:
    root: Path
    config: ConfigFile | None
    overrides: Mapping[str, PathOverride]

    def dags(self) -> Path:
        found = self.folder("dags") or find_last_dags(self.root / STATE_FOLDER)
        if found is None:
            raise ProjectError(
                f"{self.root} has no dags folder.",
                hint=f"Make it, or name another folder as dags under [paths] in {CONFIG_FILE}.",
            )
        return found

    def folder(self, name: str) -> Path | None:
        named = self._named(name)
        if named:
            path, origin = named
            if not path.is_dir():
                raise _not_there(name, path, origin, "a folder")
        else:
            path = self.root / name
            if not path.is_dir():
                return None
        _check_readable(path)
        return path

    def file(self, name: str, usual: tuple[str, ...]) -> Path | None:
        named = self._named(name)
        if named:
            path, origin = named
            if not path.is_file():
                raise _not_there(name, path, origin, "a file")
        else:
            found = next((self.root / each for each in usual if (self.root / each).is_file()), None)
            if found is None:
                return None
            path = found
        _check_readable(path)
        return path

    def _named(self, name: str) -> tuple[Path, Origin] | None:
        if name in self.overrides:
            override = self.overrides[name]
            return Path(os.path.normpath(override.path.expanduser().absolute())), override.origin
        value = self.config.get("paths", name) if self.config else None
        if value is None or self.config is None:
            return None
        origin = self.config.origin("paths", name)
        if not isinstance(value, str) or not value:
            raise ConfigError(
                f"{origin}: {name} must be a path in quotes, not {value!r}.",
                hint=f'For example: {name} = "my/{name}". Leave the line out for the usual place.',
            )
        return Path(os.path.normpath(self.root / Path(value).expanduser())), origin


def _not_there(name: str, path: Path, origin: Origin, what: str) -> ProjectError:
    problem = f"is not {what}" if path.exists() else "does not exist"
    return ProjectError(f"{origin}: {name}: {path} {problem}.", hint=f"Name {what} that exists.")


def _check_readable(path: Path) -> None:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be read: {error.strerror}.",
            hint=f"Give yourself the right to read it: chmod u+rX {path}",
        ) from error
