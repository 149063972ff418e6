"""A container engine of our own for tests, and a base image that stands for the official Python image.

No registry is needed: the base is Debian from its mirror with this machine's CPython, copied to the path that it was
built for. Both need root; where something is missing, `engine_problem` says what.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.runtime.interpreter_candidates import list_candidates

PROGRAMS = {"dockerd": "docker.io", "debootstrap": "debootstrap"}
SUITE = "bookworm"
# What CPython's own modules are linked against, and what the Dockerfile would otherwise fetch first.
LIBRARIES = "ca-certificates,libbz2-1.0,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0,libssl3,libuuid1,zlib1g"
NOT_IN_SLIM = (
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
)
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class PrivateEngine:
    """A daemon that nobody else uses."""

    address: str
    folder: Path

    def docker(self, *arguments: str | Path) -> str:
        """Run Docker's own client and return what it printed."""
        command = ["docker", "--host", self.address, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
        return done.stdout


def engine_problem(minor: str) -> str:
    """Say why no engine can be had for a Python here; "" if one can."""
    if os.geteuid() != 0:
        return "a container engine of our own needs root"
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    return "" if find_prefix(minor) else f"no CPython {minor} that can be copied"


def find_prefix(minor: str) -> Path | None:
    """Return the folder of a CPython that is complete in itself; the system's own is not."""
    for candidate in list_candidates(minor, os.environ):
        prefix = candidate.path.resolve().parent.parent
        if prefix not in (Path("/"), Path("/usr")) and (prefix / "include").is_dir():
            return prefix
    return None


@contextmanager
def private_engine() -> Iterator[PrivateEngine]:
    """Run a daemon in a folder of its own; at the end it is stopped and everything of it removed."""
    folder = Path(tempfile.mkdtemp(prefix="mwl-engine-"))
    address = f"unix://{folder}/socket"
    command = ["dockerd", "--host", address, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    command += ["--pidfile", f"{folder}/pid"]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    engine = PrivateEngine(address, folder)
    try:
        wait_for_engine(engine, daemon)
        yield engine
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(timeout=PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_engine(engine: PrivateEngine, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            engine.docker("version")
            return
        except subprocess.CalledProcessError:
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((engine.folder / "log").read_text()[-2000:]) from None
            time.sleep(0.2)


def ensure_base(engine: PrivateEngine, minor: str, cache: Path) -> str:
    """Return the name of a base image with a CPython, made once per cache."""
    prefix = find_prefix(minor)
    assert prefix is not None, engine_problem(minor)
    archive = cache / "stand-in" / f"python-{minor}-slim.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        make_archive(prefix, minor, archive)
    name = f"stand-in/python:{minor}"
    engine.docker("import", archive, name)
    return name


def leave_out(folder: str, names: list[str]) -> list[str]:
    """Return what the official images do not have either: tests, static libraries, what somebody has installed here."""
    if Path(folder).name == "site-packages":
        return [
            name
            for name in names
            if not name.startswith(
                ("pip", "pkg_resources", "setuptools", "_distutils_hack", "distutils", "wheel")
            )
        ]
    return [name for name in names if name in ("test", "tests", "__pycache__") or name.endswith(".a")]


def make_archive(prefix: Path, minor: str, archive: Path) -> None:
    """Write the files of a base image as slim as the official ones: Debian's smallest, and the CPython of `prefix`."""
    with tempfile.TemporaryDirectory(prefix="mwl-base-") as scratch:
        root = Path(scratch, "root")
        command = ["debootstrap", "--variant=minbase", f"--include={LIBRARIES}", SUITE, str(root)]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        target = root / prefix.relative_to("/")
        shutil.copytree(prefix, target, symlinks=True, ignore=leave_out)
        excluded = "".join(f"path-exclude /{place}\n" for place in NOT_IN_SLIM[:3])
        (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(excluded)
        for place in NOT_IN_SLIM:
            for path in root.glob(place):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        # The interpreter must be within reach of every user, wherever it lies.
        for folder in target.relative_to(root).parents:
            (root / folder).chmod(0o755)
        for name in (f"python{minor}", "python3", "python", "pip3"):
            link = root / "usr/local/bin" / name
            link.symlink_to(prefix / "bin" / ("pip3" if name == "pip3" else f"python{minor}"))
        partial = archive.with_suffix(".partial")
        subprocess.run(["tar", "-C", str(root), "-cf", str(partial), "."], check=True, timeout=600)
        partial.replace(archive)
