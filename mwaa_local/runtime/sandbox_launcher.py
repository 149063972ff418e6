"""Becomes a program that can write in a few folders only: a script of its own, standard library only (`python -I -S`).

    sandbox_launcher.py [--check] [--home FOLDER] --writable FOLDER... -- COMMAND...

Linux only: in a mount namespace of our own (and a user namespace, for those who are not root) every file system becomes
read-only but the named folders; `--home` is also to be found at /usr/local/airflow, as on MWAA, where the kernel lets
us lay a writable layer over /usr/local. `--check` only tells whether all that is possible. Device files stay usable.
"""

import argparse
import contextlib
import ctypes
import os
import sys
import tempfile
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MOUNT_SETATTR = 442
"""The number of the system call, on every architecture."""
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
READ_ONLY = 1
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2
AIRFLOW_HOME = "/usr/local/airflow"
LAYERED = "/usr/local"


class MountAttributes(ctypes.Structure):
    """What `mount_setattr` takes."""

    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


def main(arguments: list[str]) -> None:
    """Do as the module's docstring says; ends in exec, or in SystemExit with the reason."""
    options = _parse(arguments)
    death_signal = ctypes.c_int(0)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(death_signal))
        enter_namespaces(libc)
        restrict(libc, options.writable, options.home)
    except (OSError, AttributeError) as error:
        raise SystemExit(f"no sandbox: {error}") from error
    if options.check:
        return
    if death_signal.value:
        # The kernel forgets it when a process changes who it is.
        libc.prctl(PR_SET_PDEATHSIG, death_signal.value)
    try:
        os.execvp(options.command[0], options.command)  # noqa: S606 (becoming the command is what this is for)
    except OSError as error:
        raise SystemExit(f"{options.command[0]}: {error.strerror}") from error


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--home", default="")
    parser.add_argument("--writable", action="append", default=[])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if options.command[:1] == ["--"]:
        del options.command[0]
    return options


def enter_namespaces(libc: ctypes.CDLL) -> None:
    """Give this process mounts of its own; who is not root becomes master of a user namespace for that."""
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS) != 0:
        _require(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(content, encoding="ascii")
    _require(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))


def restrict(libc: ctypes.CDLL, writable: list[str], home: str) -> None:
    """Make everything read-only but some folders."""
    kept = [os.path.realpath(folder) for folder in writable if Path(folder).is_dir()]
    layered = home != "" and _lay_over(libc, home)
    for folder in kept:
        _bind(libc, folder, folder)
    _set(libc, "/", MountAttributes(set=READ_ONLY), AT_RECURSIVE)
    for folder in (*kept, *((AIRFLOW_HOME,) if layered else ())):
        _set(libc, folder, MountAttributes(clear=READ_ONLY), 0)


def _lay_over(libc: ctypes.CDLL, home: str) -> bool:
    """Let `home` be found at /usr/local/airflow too, which need not exist; False where the kernel does not let us."""
    scratch = tempfile.mkdtemp(prefix="layer-", dir=Path(home).parent)
    upper, work = Path(scratch, "upper"), Path(scratch, "work")
    try:
        if not Path(AIRFLOW_HOME).is_dir():
            upper.mkdir()
            work.mkdir()
            layers = f"lowerdir={LAYERED},upperdir={upper},workdir={work}".encode()
            _require(libc.mount(b"overlay", LAYERED.encode(), b"overlay", 0, layers))
            Path(AIRFLOW_HOME).mkdir()
        _bind(libc, home, AIRFLOW_HOME)
    except OSError:
        return False
    return True


def _bind(libc: ctypes.CDLL, source: str, target: str) -> None:
    _require(libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND | MS_REC, None))


def _set(libc: ctypes.CDLL, folder: str, attributes: MountAttributes, flags: int) -> None:
    size = ctypes.sizeof(attributes)
    _require(
        libc.syscall(
            MOUNT_SETATTR,
            AT_FDCWD,
            ctypes.c_char_p(os.fsencode(folder)),
            flags,
            ctypes.byref(attributes),
            ctypes.c_size_t(size),
        )
    )


def _require(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1:])
