"""Waits until the scheduler has had a look at every DAG file, so that `start` can say what it found.

A file is accounted for when the database holds a DAG or an import error of it that is not older than the file. Files
that give neither (modules that DAGs share, templates) cannot be told from files not yet parsed: they are waited for
once, until nothing changes any more, and remembered.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.dag_files import missing_words, python_files
from mwaa_local.errors import RuntimeStateError
from mwaa_local.ports import Clock
from mwaa_local.runtime.metadata import Metadata, MetadataClient
from mwaa_local.runtime.state import StateFolder, read_json, write_private

PATIENCE = 15.0
SETTLED_AFTER = 2.5


def load_settled(client: MetadataClient, dags: Path, folder: StateFolder, clock: Clock) -> Metadata:
    """Return what the database says once every file under `dags` is accounted for, or nothing changes any more."""
    memory = folder.root / "run" / "silent-files.json"
    silent = set((read_json(memory) or {}).get("files", ()))
    files = {stamp: (path, mtime) for path, mtime, stamp in find_candidates(dags) if stamp not in silent}
    deadline = clock.monotonic() + PATIENCE
    metadata = client.load()
    while True:
        waiting = {stamp for stamp, (path, mtime) in files.items() if not is_accounted(path, mtime, metadata)}
        if not waiting or clock.monotonic() > deadline:
            break
        before, metadata = metadata, client.load_next(metadata, SETTLED_AFTER)
        if metadata.mark == before.mark:
            break
    if waiting:
        _remember(memory, silent | waiting)
    return metadata


def find_candidates(dags: Path) -> Iterator[tuple[Path, float, str]]:
    """Yield the files that Airflow would open (in its safe mode), with time and stamp."""
    for file in python_files(dags):
        try:
            content, mtime = (dags / file.path).read_bytes(), file.entry.stat().st_mtime_ns
        except OSError:
            continue
        if not missing_words(content):
            yield Path(file.path), mtime / 1e9, f"{file.path}:{mtime}"


def is_accounted(path: Path, mtime: float, metadata: Metadata) -> bool:
    """Tell whether the database has a DAG or an import error of the file as it is now."""
    records = [(dag.file, dag.parsed) for dag in metadata.dags]
    records += [(failure.file, failure.parsed) for failure in metadata.import_errors]
    return any(
        (file == str(path) or file.endswith(f"/{path}")) and (parsed is None or parsed >= mtime)
        for file, parsed in records
    )


def _remember(memory: Path, silent: set[str]) -> None:
    try:
        write_private(memory, json.dumps({"files": sorted(silent)}))
    except RuntimeStateError:
        return  # only the next start's waiting is lost
