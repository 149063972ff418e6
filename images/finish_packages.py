"""Runs inside a container, with the image's own Python (3.7 and up): makes installed packages smaller, and packs them.

    python3 finish_packages.py PREFIX FOLDER

Tests of packages and maps for debugging in a browser are removed, descriptions of AWS services are written without
indentation, libraries lose the symbols that only a debugger reads, and all modules are compiled. Each package becomes
an archive in FOLDER, NAME-VERSION.tar.gz: what it has below PREFIX, with a RECORD that says so. Archives have no end
of their own, so that one after the other they are one archive: the layer of an image.
"""

import base64
import compileall
import csv
import gzip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

OWNER = 1000
LIBRARY = re.compile(r"\.so(\.\d+)*$")
LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"


def main(prefix, out):
    """Finish and pack all that is installed below a prefix."""
    prefix, out = Path(prefix), Path(out)
    os.umask(0)
    site = next(prefix.glob("lib/python3*/site-packages"))
    infos = sorted(site.glob("*.dist-info"))
    files = {info: [os.path.normpath(str(site / row[0])) for row in read_record(info)] for info in infos}
    # Two packages may have the same file: psycopg2 and psycopg2-binary do.
    every = sorted({Path(path) for paths in files.values() for path in paths})
    for path in every:
        if is_left_out(path, site) and path.exists():
            path.unlink()
        elif path.suffix == ".json" and (site / "botocore" / "data") in path.parents:
            write_densely(path)
    strip_libraries([path for path in every if LIBRARY.search(path.name) and path.is_file()])
    compileall.compile_dir(str(site), quiet=2, workers=0)
    with ProcessPoolExecutor() as pool:
        # The largest first: the processes come to their end together.
        infos.sort(key=lambda info: -len(files[info]))
        list(pool.map(pack, infos, [prefix] * len(infos), [out] * len(infos)))


def read_record(info):
    """Return the rows of a package's RECORD: path relative to site-packages, digest, size."""
    with (info / "RECORD").open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.reader(stream) if row]


def is_left_out(path, site):
    """Tell whether nobody needs a file where Airflow runs."""
    if site not in path.parents:
        return False
    return path.suffix == ".map" or "tests" in path.relative_to(site).parts[:-1]


def write_densely(path):
    """Write the same JSON without indentation."""
    document = json.loads(path.read_text(encoding="utf-8"))
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text, encoding="utf-8")


def strip_libraries(paths):
    """Take the symbols out of libraries, where there is the program for it."""
    strip = shutil.which("strip")
    if strip:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda path: strip_library(strip, path), paths))


def strip_library(strip, path):
    """Strip one library if it still loads then: some that were changed after they were linked do not."""
    copy = path.with_name(path.name + ".stripped")
    done = run_quietly([strip, "--strip-unneeded", "-o", str(copy), str(path)])
    if done and run_quietly([sys.executable, "-c", LOAD, str(copy)]):
        shutil.copymode(str(path), str(copy))
        copy.replace(path)
    elif copy.exists():
        copy.unlink()


def run_quietly(command):
    """Run a command and tell whether it succeeded."""
    return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def pack(info, prefix, out):
    """Write the archive of one package."""
    site = info.parent
    paths = [Path(os.path.normpath(str(site / row[0]))) for row in read_record(info)]
    paths = [path for path in paths if path.is_file()]
    write_record(info, paths)
    compiled = [Path(importlib.util.cache_from_source(str(path))) for path in paths if path.suffix == ".py"]
    paths = sorted({*paths, *(path for path in compiled if path.is_file())})
    folders = sorted({folder for path in paths for folder in path.parents if prefix in folder.parents})
    name, version = name_of(info)
    partial = out / (name + ".partial")
    with partial.open("wb") as file, gzip.GzipFile("", "wb", 1, file, 0) as stream:
        archive = tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 (has no end)
        for path in (*folders, *paths):
            add(archive, path)
    partial.replace(out / f"{name}-{version}.tar.gz")


def write_record(info, paths):
    """Write the RECORD anew: what is there, as it is now."""
    rows = []
    for path in paths:
        place = os.path.relpath(str(path), str(info.parent))
        if path == info / "RECORD":
            rows.append((place, "", ""))
        else:
            content = path.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            rows.append((place, "sha256=" + digest, len(content)))
    with (info / "RECORD").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def name_of(info):
    """Return the canonical name of a package, and its version."""
    lines = (info / "METADATA").read_text(encoding="utf-8", errors="replace").splitlines()
    headers = lines[: lines.index("") if "" in lines else None]
    fields = dict(line.split(": ", 1) for line in headers if ": " in line)
    return re.sub(r"[-_.]+", "-", fields["Name"]).lower(), fields["Version"].strip()


def add(archive, path):
    """Add a file or a folder; everybody may write it."""
    status = path.stat()
    entry = tarfile.TarInfo(str(path).lstrip("/"))
    # Without fractions, as compiled modules remember the time of their source.
    entry.mtime, entry.uid, entry.gid = int(status.st_mtime), OWNER, OWNER
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o777
        archive.addfile(entry)
    else:
        entry.size, entry.mode = status.st_size, 0o666 | (status.st_mode & 0o111)
        with path.open("rb") as stream:
            archive.addfile(entry, stream)


if __name__ == "__main__":
    main(*sys.argv[1:])
