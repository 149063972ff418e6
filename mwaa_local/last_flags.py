"""The flags of a project's last start, as it has left them: for `restart`, and to find DAGs that only a flag names."""

import json
from pathlib import Path
from typing import Any

from mwaa_local.config import PATH_OPTIONS

FLAGS_FILE = Path("run", "flags.json")
"""In the state folder; private, since an Airflow option may be a password."""
PATHS = (*PATH_OPTIONS, "secrets_file", "python")
"""Flags that are paths: those in the project are kept as seen from there, for it may be moved or copied."""


def load_flags(state: Path) -> dict[str, Any]:
    """Return the flags by their fields, paths absolute; none if there was no start or the file is damaged."""
    try:
        document = json.loads((state / FLAGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {
        name: str(state.parent / str(value)) if name in PATHS else value for name, value in document.items()
    }


def find_last_dags(state: Path) -> Path | None:
    """Return the DAG folder that a flag of the last start has named; None if none did, or if it has gone."""
    named = load_flags(state).get("dags")
    return Path(named) if named is not None and Path(named).is_dir() else None
