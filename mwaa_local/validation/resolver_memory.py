"""Remembers what the resolver has answered, so that a question that was put before is answered without it.

Answers are kept by a digest of everything that decides them, and believed for a day; a refusal for ten minutes only:
whoever is told that a version does not exist may be about to publish it.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

DAY = 86_400.0
_REFUSAL = 600.0
_LOCAL = re.compile(r"file://(?P<path>/[^\s;#]*)")
_MOST_ENTRIES = 2_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """One answer of uv's, and when it was given."""

    exit_code: int
    text: str
    asked: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class AnswerMemory:
    """Answers in a folder that may be lost at any time; one that cannot be read or written is no failure."""

    folder: Path
    now: Callable[[], float]
    refresh: bool = False
    """Whether everything is asked anew."""

    def recall(self, key: str) -> Remembered | None:
        """Return the answer to a question, unless it is too old."""
        if self.refresh:
            return None
        try:
            values = json.loads((self.folder / key).read_bytes())
            found = Remembered(int(values["exit"]), str(values["text"]), float(values["asked"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        age = self.now() - found.asked
        return found if 0 <= age < (_REFUSAL if found.exit_code else DAY) else None

    def remember(self, key: str, exit_code: int, text: str) -> None:
        """Keep an answer for the next time."""
        partial = self.folder / f"{key}.{os.getpid()}"
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._prune()
            document = {"exit": exit_code, "text": text, "asked": self.now()}
            partial.write_text(json.dumps(document), encoding="utf-8")
            partial.chmod(0o600)
            partial.replace(self.folder / key)

    def _prune(self) -> None:
        """Remove what nobody will ask for any more."""
        with os.scandir(self.folder) as entries:
            files = [(each.stat().st_mtime, each.path) for each in entries]
        limit = self.now() - DAY
        surplus = sorted(files)[: max(0, len(files) - _MOST_ENTRIES)]
        for _, path in {*surplus, *(each for each in files if each[0] < limit)}:
            with suppress(OSError):
                Path(path).unlink()


def digest_of(parts: Iterable[object]) -> str:
    """Return the name under which an answer is kept."""
    return hashlib.sha256(
        "\n".join(repr(part) for part in parts).encode("utf-8", "backslashreplace")
    ).hexdigest()


def decisive_variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that change what a resolver answers."""
    return tuple(sorted((name, value) for name, value in environ.items() if name.startswith("UV_")))


def local_files(lines: Iterable[str], folders: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    """Return (path, size, time of the last change) of the files that lines name, and of those in folders."""
    named = [Path(unquote(match["path"])) for line in lines for match in _LOCAL.finditer(line)]
    named += [
        Path(each.removeprefix("file://")) for each in folders if "://" not in each.removeprefix("file://")
    ]
    return tuple(sorted(stamp for path in named for stamp in _stamps(path)))


def _stamps(path: Path) -> list[tuple[str, int, int]]:
    found = []
    with suppress(OSError):
        # A package's folder: its own files decide what it needs, its modules do not.
        for each in sorted(path.iterdir()) if path.is_dir() else [path]:
            status = each.stat()
            found.append((str(each), status.st_size, status.st_mtime_ns))
    return found
