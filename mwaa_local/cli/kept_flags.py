"""The flags of the last start, which `restart` takes up again: a start with flags is not undone by it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mwaa_local.config import PATH_OPTIONS, Project, path_flag
from mwaa_local.config_loading import AIRFLOW_OPTION_FLAG, OPTIONS
from mwaa_local.last_flags import FLAGS_FILE, PATHS
from mwaa_local.runtime.state import StateFolder, read_json, write_private

AIRFLOW_OPTIONS = "airflow_options"
FLAGS = {name: path_flag(name) for name in PATH_OPTIONS} | {each.field: each.flag for each in OPTIONS}


def keep_flags(folder: StateFolder, flags: Mapping[str, Any]) -> None:
    """Leave the flags of a start in the project's state: the next command may be run elsewhere."""
    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    root = folder.root.parent
    text = json.dumps(
        {name: _as_seen_from(root, value) if name in PATHS else value for name, value in given.items()}
    )
    # What has not changed is not written: a start that has nothing to do needs no room on a disk that is full.
    if read_json(folder.root / FLAGS_FILE) != json.loads(text):
        folder.create()
        write_private(folder.root / FLAGS_FILE, text)


def _as_seen_from(root: Path, named: str | Path) -> str:
    path = Path(os.path.normpath(Path(named).expanduser().absolute()))
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def join_flags(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags of before with those that are given now, which are stronger."""
    given = {name: value for name, value in now.items() if value is not None}
    options = (*before.get(AIRFLOW_OPTIONS, ()), *given.get(AIRFLOW_OPTIONS, ()))
    return {**dict.fromkeys(now), **before, **given, AIRFLOW_OPTIONS: options}


def hold_dags(project: Project, before: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return flags with the DAG folder of those before, if it is the project's because nothing else names one."""
    if flags.get("dags") is None and before.get("dags") == str(project.dags):
        return {**flags, "dags": before["dags"]}
    return dict(flags)


def dropped_flags(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags of before that are not given now, whatever their value."""
    return {name: value for name, value in before.items() if now.get(name) in (None, ())}


def describe_flags(flags: Mapping[str, Any]) -> str:
    """Return flags as one would write them, values of Airflow options left out: one may be a password."""
    words = [_written(name, FLAGS[name], value) for name, value in flags.items() if name in FLAGS]
    keys = [str(line).partition("=")[0] for line in flags.get(AIRFLOW_OPTIONS, ())]
    return " ".join([*words, *(f"{AIRFLOW_OPTION_FLAG} {key}=..." for key in keys)])


def _written(name: str, flag: str, value: Any) -> str:
    if value is True:
        return flag
    if value is False:
        return "--faithful-intervals" if name == "live" else f"--no-{flag.removeprefix('--')}"
    return f"{flag} {value}"
