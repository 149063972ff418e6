"""New projects from templates: which files `mwaa-local init` would make, and making them without touching any other.

A template is a folder of package data. Its files end in `.tmpl`, so that no tool takes them for code of ours; a name
that begins with `dot-` stands for a hidden file, and `@@NAME@@` for what differs between Airflow versions.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import assert_never

from mwaa_local.catalog import Generation, MwaaVersion, version_numbers
from mwaa_local.errors import ProjectError, UsageError

_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".tmpl"
_PLACEHOLDER = re.compile("@@([A-Z_]+)@@")
_EXECUTABLE = ".sh"


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of project that `init` can make."""

    name: str
    summary: str


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to make; its path is relative to the project folder."""

    path: PurePosixPath
    text: str
    executable: bool


_KNOWN = (
    Template("minimal", "one small DAG and every file that an MWAA project can have"),
    Template(
        "etl", "DAGs of a team under dags/etl/, with a builder that writes one DAG file per data provider"
    ),
)


def list_templates() -> tuple[Template, ...]:
    """Return the templates, the default one first."""
    return _KNOWN


def plan_init(template: str, folder: Path, version: MwaaVersion) -> tuple[NewFile, ...]:
    """Return the files of a new project for an MWAA version.

    ProjectError if `folder` already holds one of them: `init` never changes a file that is there.
    """
    if template not in [each.name for each in _KNOWN]:
        known = ", ".join(each.name for each in _KNOWN)
        raise UsageError(f"There is no template {template!r}.", hint=f"Templates: {known}.")
    words = _words(version)
    files = tuple(_render(file, words) for file in _template_files(_TEMPLATES / template))
    existing = [path for file in files if (path := _obstacle(folder, file)) is not None]
    if existing:
        names = "\n".join(f"  {path}" for path in dict.fromkeys(existing))
        raise ProjectError(
            f"{folder} already has what the template would make; nothing was written:\n{names}",
            hint="Choose an empty folder, or move these files away.",
        )
    return files


def apply_init(folder: Path, files: tuple[NewFile, ...]) -> None:
    """Make the files, all or none; a file that appears meanwhile is left alone and stops it."""
    made: list[Path] = []
    try:
        for file in files:
            _make(folder, file, made)
    except BaseException as error:
        _undo(made)
        if isinstance(error, OSError):
            raise ProjectError(
                f"{error.filename}: cannot be written ({error.strerror}); nothing was left behind.",
                hint="Choose a folder that you may write to and that has room.",
            ) from error
        raise


def _template_files(folder: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the name and the text of each file of a template, sorted."""
    for path in sorted(folder.rglob(f"*{_SUFFIX}")):
        name = PurePosixPath(path.relative_to(folder).as_posix().removesuffix(_SUFFIX))
        if name.name.startswith("dot-"):
            name = name.with_name("." + name.name.removeprefix("dot-"))
        yield name, path.read_text(encoding="utf-8")


def _render(file: tuple[PurePosixPath, str], words: dict[str, str]) -> NewFile:
    path, text = file
    return NewFile(path, _PLACEHOLDER.sub(lambda found: words[found[1]], text), path.suffix == _EXECUTABLE)


def _words(version: MwaaVersion) -> dict[str, str]:
    """Return what the placeholders stand for."""
    numbers = version_numbers(version.airflow)
    return {
        "AIRFLOW": version.airflow,
        "PYTHON": version.python,
        "CONSTRAINTS": f"https://raw.githubusercontent.com/apache/airflow/constraints-{version.airflow}"
        f"/constraints-{version.python}.txt",
        # `schedule` came with 2.4, and Airflow 3 knows no other name.
        "SCHEDULE": "schedule" if numbers >= (2, 4) else "schedule_interval",
        # .airflowignore holds regular expressions, from Airflow 3 on globs.
        "IGNORE_SYNTAX": "globs" if numbers >= (3,) else "regular expressions",
        "ANY": "**" if numbers >= (3,) else ".*",
        "PYC": "*.pyc" if numbers >= (3,) else r"\.pyc$",
        **_imports(version.generation),
    }


def _imports(generation: Generation) -> dict[str, str]:
    match generation:
        case Generation.AIRFLOW_1:
            operator = "airflow.operators.python_operator"
        case Generation.AIRFLOW_2:
            operator = "airflow.operators.python"
        case Generation.AIRFLOW_3:
            return {
                "IMPORT_DAG": "from airflow.sdk import DAG",
                "IMPORT_OPERATOR": "from airflow.providers.standard.operators.python import PythonOperator",
            }
        case _:
            assert_never(generation)
    return {
        "IMPORT_DAG": "from airflow import DAG",
        "IMPORT_OPERATOR": f"from {operator} import PythonOperator",
    }


def _obstacle(folder: Path, file: NewFile) -> Path | None:
    """Return what stands in the way of a file: the file itself, or something else where a folder is needed."""
    target = folder / file.path
    if os.path.lexists(target):
        return target
    ancestors = [folder, *(folder / parent for parent in file.path.parents)]
    return next((path for path in ancestors if os.path.lexists(path) and not path.is_dir()), None)


def _make(folder: Path, file: NewFile, made: list[Path]) -> None:
    target = folder / file.path
    for parent in reversed([target.parent, *target.parent.parents]):
        if not parent.exists():
            parent.mkdir()
            made.append(parent)
    with target.open("x", encoding="utf-8", newline="\n") as stream:
        made.append(target)
        stream.write(file.text)
    if file.executable:
        target.chmod(target.stat().st_mode | 0o111)


def _undo(made: list[Path]) -> None:
    for path in reversed(made):
        # Somebody else may have put a file into a folder of ours, or removed one: then it is not ours any more.
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
