"""Waits until the scheduler has had a look at every DAG file, so that `start` can say what it found.

A file is accounted for when the database holds a DAG or an import error of it that is not older than the file. Files
that give neither (modules that DAGs share, templates) are known by the last line of the processor's log about them;
where a version writes none, they are waited for once, until nothing changes any more, and remembered.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.dag_files import missing_words
from mwaa_local.errors import RuntimeStateError
from mwaa_local.ports import Clock
from mwaa_local.runtime.metadata import Metadata, MetadataClient
from mwaa_local.runtime.state import StateFolder, read_json, write_private

PATIENCE = 15.0
SETTLED_AFTER = 2.5
LOOK_EVERY = 0.5
_LAST_LINE = 400
"""Bytes of a log that hold its last line."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that Airflow opens; its path from the DAGs folder, and when it was changed."""

    path: str
    mtime_ns: int

    @property
    def stamp(self) -> str:
        """Return what is remembered of the file as it is now."""
        return f"{self.path}:{self.mtime_ns}"


def load_settled(
    client: MetadataClient, files: Iterable[Candidate], folder: StateFolder, clock: Clock
) -> Metadata:
    """Return what the database says once every file is accounted for, or nothing changes any more."""
    memory = folder.root / "run" / "silent-files.json"
    silent = frozenset((read_json(memory) or {}).get("files", ()))
    waiting = {each for each in files if each.stamp not in silent}
    deadline = clock.monotonic() + PATIENCE
    metadata, changed = client.load(), clock.monotonic()
    processed: set[Candidate] = set()
    while True:
        waiting = {each for each in waiting if not is_accounted(each, metadata)}
        now = clock.monotonic()
        if waiting <= processed or now > deadline or now - changed > SETTLED_AFTER:
            break
        # What a log says now, the database has said before; so the log is read first.
        processed |= {each for each in waiting if is_processed(each, folder)}
        fresh = client.load_next(metadata, 0.0 if waiting <= processed else LOOK_EVERY)
        if fresh.mark != metadata.mark:
            metadata, changed = fresh, clock.monotonic()
    if waiting:
        _remember(memory, silent | {each.stamp for each in waiting})
    return metadata


def find_candidates(dags: Path, files: Iterable[str]) -> Iterator[Candidate]:
    """Yield the files that Airflow opens (in its safe mode) of those that it does not ignore."""
    for path in files:
        try:
            content, mtime = (dags / path).read_bytes(), (dags / path).stat().st_mtime_ns
        except OSError:
            continue
        if not missing_words(content):
            yield Candidate(path, mtime)


def is_accounted(file: Candidate, metadata: Metadata) -> bool:
    """Tell whether the database has a DAG or an import error of the file as it is now."""
    records = [(dag.file, dag.parsed) for dag in metadata.dags]
    records += [(failure.file, failure.parsed) for failure in metadata.import_errors]
    return any(
        (place == file.path or place.endswith(f"/{file.path}"))
        and (parsed is None or parsed >= file.mtime_ns / 1e9)
        for place, parsed in records
    )


def is_processed(file: Candidate, folder: StateFolder) -> bool:
    """Tell whether the log of the newest day says that the file was read to its end as it is now (up to Airflow 2)."""
    days = sorted(folder.airflow_home.joinpath("logs", "scheduler").glob("[0-9]*"))
    if not days:
        return False
    log = days[-1] / f"{file.path}.log"
    try:
        if log.stat().st_mtime_ns < file.mtime_ns:
            return False
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _LAST_LINE))
            last = stream.read().rstrip(b"\n").rpartition(b"\n")[2]
    except OSError:
        return False
    return b"Processing " in last and b" took " in last


def _remember(memory: Path, silent: frozenset[str]) -> None:
    try:
        write_private(memory, json.dumps({"files": sorted(silent)}))
    except RuntimeStateError:
        return  # only the next start's waiting is lost
