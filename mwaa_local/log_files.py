"""The log files of an environment as the streams that MWAA would have, and what is new in them since the last look."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mwaa_local.cloudwatch_names import LogPlace, airflow_place, is_result, service_places
from mwaa_local.log_records import LogRecord, parse_records, time_of

MOST_NEW = 4 * 1024 * 1024
"""Bytes of what is new in a file that are read: the last ones."""
BEGINNING = 16 * 1024
"""Bytes in which a log's first time is looked for."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file and the stream that it is."""

    path: Path
    place: LogPlace


@dataclass(slots=True)
class _Position:
    """How far a file has been read as a stream."""

    inode: int
    offset: int
    last: LogRecord


class LogFiles:
    """The logs below one state folder (`.mwaa-local`); `host` is the name of this machine."""

    def __init__(self, state: Path, host: str) -> None:
        self._services = state / "logs"
        self._airflow = state / "airflow" / "logs"
        self._host = host
        self._began: dict[tuple[Path, int], float] = {}
        self._positions: dict[LogFile, _Position] = {}

    def find(self) -> Iterator[LogFile]:
        """Yield the files in the order of their names, so that a day's file comes after that of the day before."""
        for path in sorted(self._services.glob("*.log")):
            for place in service_places(path.stem, self._host, self._epoch(path)):
                yield LogFile(path, place)
        # Links are not followed: `latest` names a folder that is there by its day already.
        for folder, folders, names in os.walk(self._airflow):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                found = airflow_place(PurePosixPath(path.relative_to(self._airflow)))
                if found is not None:
                    yield LogFile(path, found)

    def read_new(self, wanted: Callable[[LogPlace], bool]) -> Iterator[tuple[LogPlace, list[LogRecord]]]:
        """Yield what has been written to the wanted streams since they were last read here."""
        for file in self.find():
            if wanted(file.place):
                records = self._new_records(file)
                if records:
                    yield file.place, records

    def _new_records(self, file: LogFile) -> list[LogRecord]:
        try:
            with file.path.open("rb") as stream:
                found = os.fstat(stream.fileno())
                position = self._positions.get(file)
                if position is None or position.inode != found.st_ino or found.st_size < position.offset:
                    position = _Position(found.st_ino, 0, LogRecord(0.0, logging.INFO, ""))
                if found.st_size == position.offset:
                    return []
                start = max(position.offset, found.st_size - MOST_NEW)
                stream.seek(start)
                content = stream.read(found.st_size - start)
        except OSError:
            return []
        # What has no end of line yet is still being written.
        content = content[: content.rfind(b"\n") + 1]
        lines = content.decode("utf-8", errors="replace").splitlines()
        whole = lines if start == position.offset else lines[1:]
        before = position.last
        if not before.time:
            first = next((time for time in map(time_of, whole) if time is not None), found.st_mtime)
            before = LogRecord(first, logging.INFO, "")
        records = list(parse_records(whole, before, by_line=file.place.is_output))
        last = records[-1] if records else position.last
        self._positions[file] = _Position(found.st_ino, start + len(content), last)
        return records

    def _epoch(self, path: Path) -> float:
        """Return when a service's log began: by its first line, for what is written as a whole by its file's time."""
        try:
            found = path.stat()
            if is_result(path.stem):
                return found.st_mtime
            key = (path, found.st_ino)
            if key not in self._began:
                with path.open("rb") as stream:
                    lines = stream.read(BEGINNING).decode("utf-8", errors="replace").splitlines()
                times = (time for time in map(time_of, lines) if time is not None)
                first = next(times, None)
                if first is None:
                    return found.st_mtime
                self._began[key] = first
        except OSError:
            return 0.0
        return self._began[key]
