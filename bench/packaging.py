"""The section `packaging`: `package-plugins` against `zip -r` on the same 5,000 files of 100 MB."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, ratio
from bench.project import COMMAND
from bench.session import Session, say
from bench.timing import run_timed

FOLDERS, FILES, BYTES = 50, 100, 20_500


def measure_packaging(session: Session) -> Iterator[Figure]:
    """Measure both in turns, and whether the archive is the same each time."""
    folder = session.folder
    plugins = make_plugins(folder)
    ours, theirs, digests = [], [], set()
    for number in range(session.rounds):
        say(f"round {number + 1} of {session.rounds}: pack 5,000 files")
        archive = folder / "plugins.zip"
        archive.unlink(missing_ok=True)
        command = [COMMAND, "package-plugins", "--no-prove", "--project", str(folder)]
        ours.append(run_timed(command, folder)[0])
        digests.add(hashlib.sha256(archive.read_bytes()).hexdigest())
        (folder / "zip.zip").unlink(missing_ok=True)
        theirs.append(run_timed(["zip", "-q", "-r", str(folder / "zip.zip"), "."], plugins)[0])
    mine = Figure("`package-plugins`, 5,000 files, 100 MB", "s", tuple(ours))
    other = Figure("`zip -r` of the same", "s", tuple(theirs))
    yield mine
    yield other
    yield ratio("`package-plugins` / `zip -r`", mine, other, 1.0)
    yield Figure("different archives of the same files", "", (float(len(digests)),), 1.0)


def make_plugins(folder: Path) -> Path:
    """Write text that compresses as code does, always the same."""
    chooser = random.Random(1)  # noqa: S311
    words = [f"word{number}" for number in range(3000)]
    (folder / "dags").mkdir(parents=True, exist_ok=True)
    plugins = folder / "plugins"
    for package in range(FOLDERS):
        (plugins / f"package{package}").mkdir(parents=True)
        for number in range(FILES):
            text = " ".join(chooser.choices(words, k=BYTES // 7))
            (plugins / f"package{package}" / f"module{number}.py").write_text(f"TEXT = '''{text}'''\n")
    return plugins
