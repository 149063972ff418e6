"""A container engine of our own for tests, and a base image that stands for the official Python image.

No registry is needed: the base is Debian from its mirror with this machine's CPython, copied to the path that it was
built for. Both need root; where something is missing, `engine_problem` says what.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from mwaa_local.adapters.locks import held_lock
from mwaa_local.runtime.interpreter_candidates import list_candidates
from tests.engine_network import LOCKS, EngineNetwork, give_back, own_network

PROGRAMS = {"dockerd": "docker.io", "debootstrap": "debootstrap", "ip": "iproute2"}
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
ATTEMPTS = 3
SESSION = "TESTS_OF_MWAA_LOCAL_FOLDER"
"""A variable: where the files of one run of tests have what they share. `tests/conftest.py` makes it."""
TOLD = "daemon.json"
_running: list[subprocess.Popen[bytes]] = []
"""Daemons that outlive what has started them."""


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
def private_engine(*, firewall: bool = False) -> Iterator[PrivateEngine]:
    """Run a daemon in a folder of its own; at the end it is stopped and everything of it removed.

    With `firewall` it writes the firewall's rules as users' engines do: meant for who has the machine to himself.
    """
    folder = Path(tempfile.mkdtemp(prefix="mwl-engine-"))
    try:
        daemon = start_daemon(folder, firewall=firewall)
        try:
            yield PrivateEngine(address_in(folder), folder)
        finally:
            stop_daemon(folder)
            daemon.wait(timeout=PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shared_engine() -> PrivateEngine:
    """Return the daemon of this run of tests, which keeps what any file has built; who asks first starts it.

    `tests/conftest.py` stops it when all files have run.
    """
    folder = Path(os.environ[SESSION], "engine")
    with held_lock(folder.with_suffix(".lock"), on_wait=lambda: None):
        if not folder.exists():
            folder.mkdir()
            _running.append(start_daemon(folder, firewall=True))
    return PrivateEngine(address_in(folder), folder)


def stop_shared_engine() -> None:
    """Stop the daemon of this run of tests if there is one, and remove everything of it."""
    folder = Path(os.environ[SESSION], "engine")
    stop_daemon(folder)
    # Hundreds of thousands of files: nobody does it faster, and everybody waits for it.
    subprocess.run(["rm", "-rf", str(folder)], check=False, timeout=600)


def address_in(folder: Path) -> str:
    return f"unix://{folder}/socket"


def start_daemon(folder: Path, *, firewall: bool) -> subprocess.Popen[bytes]:
    """Start a daemon, and wait until it answers.

    A daemon that writes the firewall's rules makes its chains anew when it starts: another one that starts then fails,
    and the containers that it starts then do. So only the shared one does that, and the others have rules of ours.
    """
    with own_network() as network:
        if not firewall:
            network.let_through()
        for _ in range(ATTEMPTS):
            # Other runs of these tests have a shared daemon, too: they wait for each other, and try again for the sake
            # of daemons that are not ours.
            with held_lock(LOCKS / "start.lock", on_wait=lambda: None):
                daemon = launch_daemon(folder, network, firewall=firewall)
                if has_answered(folder, daemon):
                    return daemon
            stop_daemon(folder)
            daemon.wait(timeout=PATIENCE)
    raise RuntimeError((folder / "log").read_text()[-2000:])


def launch_daemon(folder: Path, network: EngineNetwork, *, firewall: bool) -> subprocess.Popen[bytes]:
    command = ["dockerd", "--host", address_in(folder), "--pidfile", f"{folder}/pid", *network.arguments]
    command += [f"--iptables={str(firewall).lower()}"]
    command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    with (folder / "log").open("ab") as log:
        daemon = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, pass_fds=(network.lock,)
        )
    (folder / TOLD).write_text(json.dumps({"pid": daemon.pid, "network": network.number}))
    return daemon


def has_answered(folder: Path, daemon: subprocess.Popen[bytes]) -> bool:
    """Wait until a daemon answers; False if it ends before, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and daemon.poll() is None:
        with suppress(subprocess.CalledProcessError):
            PrivateEngine(address_in(folder), folder).docker("version")
            return True
        time.sleep(0.2)
    return False


def stop_daemon(folder: Path) -> None:
    """Stop the daemon of a folder, whoever has started it, and give its network back."""
    with suppress(FileNotFoundError):
        told = json.loads((folder / TOLD).read_text())
        with suppress(psutil.NoSuchProcess):
            daemon = psutil.Process(told["pid"])
            daemon.terminate()
            wait_for_end(daemon)
        give_back(told["network"])


def wait_for_end(daemon: psutil.Process) -> None:
    """Wait until a process has ended, even if nobody asks for its exit code."""
    deadline = time.monotonic() + PATIENCE
    while daemon.is_running() and daemon.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the daemon {daemon.pid} does not end")
        time.sleep(0.05)


def ensure_base(engine: PrivateEngine, minor: str, cache: Path) -> str:
    """Return the name of a base image with a CPython, made once per cache."""
    prefix = find_prefix(minor)
    assert prefix is not None, engine_problem(minor)
    folder = cache / "stand-in"
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{SUITE}-python-{minor}.tar"
    with held_lock(folder / ".lock", on_wait=lambda: None):
        if not archive.exists():
            debian = folder / f"{SUITE}.tar"
            if not debian.exists():
                make_debian(debian)
            add_python(prefix, minor, debian, archive)
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


def make_debian(archive: Path) -> None:
    """Write the files of Debian's smallest, as slim as the official images have it."""
    with tempfile.TemporaryDirectory(prefix="mwl-base-") as scratch:
        root = Path(scratch, "root")
        command = ["debootstrap", "--variant=minbase", f"--include={LIBRARIES}", SUITE, str(root)]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        excluded = "".join(f"path-exclude /{place}\n" for place in NOT_IN_SLIM[:3])
        (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(excluded)
        for place in NOT_IN_SLIM:
            for path in root.glob(place):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        write_archive(root, archive)


def add_python(prefix: Path, minor: str, debian: Path, archive: Path) -> None:
    """Write the files of a base image: Debian, and the CPython of `prefix`."""
    with tempfile.TemporaryDirectory(prefix="mwl-base-") as scratch:
        root = Path(scratch, "root")
        root.mkdir()
        subprocess.run(["tar", "-C", str(root), "-xf", str(debian)], check=True, timeout=600)
        target = root / prefix.relative_to("/")
        shutil.copytree(prefix, target, symlinks=True, ignore=leave_out)
        # The interpreter must be within reach of every user, wherever it lies.
        for folder in target.relative_to(root).parents:
            (root / folder).chmod(0o755)
        for name in (f"python{minor}", "python3", "python", "pip3"):
            link = root / "usr/local/bin" / name
            link.symlink_to(prefix / "bin" / ("pip3" if name == "pip3" else f"python{minor}"))
        write_archive(root, archive)


def write_archive(root: Path, archive: Path) -> None:
    partial = archive.with_suffix(".partial")
    subprocess.run(["tar", "-C", str(root), "-cf", str(partial), "."], check=True, timeout=600)
    partial.replace(archive)
