"""The services' log files: their last lines, following them, and keeping them from growing without end."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

KEPT_BYTES = 10 * 1024 * 1024
CHUNK = 64 * 1024


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """Return the last lines of a file, reading no more of it than needed; empty if there is no such file."""
    try:
        with path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            content = b""
            while end > 0 and content.count(b"\n") <= lines:
                start = max(0, end - CHUNK)
                stream.seek(start)
                content = stream.read(end - start) + content
                end = start
    except OSError:
        return ()
    return tuple(content.decode("utf-8", errors="replace").splitlines()[-lines:])


def rotate_logs(folder: Path) -> None:
    """Set aside what has grown beyond the limit; one earlier file is kept of each."""
    for path in folder.glob("*.log"):
        if path.stat().st_size > KEPT_BYTES:
            path.replace(path.with_suffix(".log.1"))


def sizes(paths: tuple[Path, ...]) -> dict[Path, int]:
    """Return how long each file is now; 0 where there is none."""
    return {path: path.stat().st_size if path.exists() else 0 for path in paths}


def follow(
    paths: tuple[Path, ...], wait: Callable[[], None], begin: Mapping[Path, int] | None = None
) -> Iterator[tuple[Path, str]]:
    """Yield (file, line) as lines are written, for ever; calls `wait` when there is nothing new.

    `begin` is how much of each file has been read already (by default, all that there is).
    """
    positions = dict(sizes(paths) if begin is None else begin)
    rests: dict[Path, bytes] = {}
    while True:
        news = False
        for path in paths:
            for line in _new_lines(path, positions, rests):
                news = True
                yield path, line
        if not news:
            wait()


def _new_lines(path: Path, positions: dict[Path, int], rests: dict[Path, bytes]) -> Iterator[str]:
    try:
        with path.open("rb") as stream:
            if stream.seek(0, os.SEEK_END) < positions[path]:
                positions[path], rests[path] = 0, b""  # the file was rotated
            stream.seek(positions[path])
            content = rests.get(path, b"") + stream.read()
            positions[path] = stream.tell()
    except OSError:
        return
    *lines, rests[path] = content.split(b"\n")
    for line in lines:
        yield line.decode("utf-8", errors="replace")
