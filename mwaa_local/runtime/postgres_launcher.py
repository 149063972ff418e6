"""Becomes a PostgreSQL program: a script of its own, standard library only, started with `python -I -S`.

    postgres_launcher.py [--user-namespace | --user NAME] [--check FOLDER] [--data FOLDER] [--] COMMAND...

PostgreSQL refuses to run as root. With `--user-namespace` we stay root towards files but are somebody else by our own
count; with `--user` we really become somebody else. Either way this process *is* COMMAND in the end (no process in
between), and the signal that our parent's death was to send us is kept. `--check` only tells whether COMMAND's user
could write in the folder. `--data` removes a lock file that a killed server left there.
"""

import argparse
import contextlib
import ctypes
import os
import pwd
import sys
from pathlib import Path

LINUX = sys.platform == "linux"
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2
INNER_ID = 1000
"""Any number but 0; files, signals and `ps` outside still show the real user."""
PROC_PIDPATHINFO_MAXSIZE = 4096


def main(arguments: list[str]) -> None:
    """Do as the module's docstring says; ends in exec, or in SystemExit with the reason."""
    options = _parse(arguments)
    if options.data:
        remove_stale_lock(options.data)
    death_signal = _death_signal()
    try:
        if options.user_namespace:
            enter_user_namespace()
        elif options.user:
            become(options.user)
    except (OSError, KeyError) as error:
        raise SystemExit(f"cannot run as another user than root: {error}") from error
    if death_signal:
        # The kernel forgets it when a process changes who it is.
        _libc().prctl(PR_SET_PDEATHSIG, death_signal)
    if options.check:
        if not os.access(options.check, os.W_OK | os.X_OK):
            raise SystemExit(f"{options.check} cannot be reached by uid {os.geteuid()}")
        return
    try:
        os.execv(options.command[0], options.command)  # noqa: S606 (becoming the command is what this is for)
    except OSError as error:
        raise SystemExit(f"{options.command[0]}: {error.strerror}") from error


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--user-namespace", action="store_true")
    parser.add_argument("--user", default="")
    parser.add_argument("--check", default="")
    parser.add_argument("--data", default="")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if options.command[:1] == ["--"]:
        del options.command[0]
    return options


def enter_user_namespace() -> None:
    """Map our user and group to ones that are not 0, in a namespace of our own (Linux)."""
    uid, gid = os.geteuid(), os.getegid()
    libc = _libc()
    if not hasattr(libc, "unshare"):
        raise OSError("this system has no user namespaces")
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"user namespaces are not allowed here ({os.strerror(number)})")
    # An unprivileged user may map groups only after giving up setgroups; root need not, but nothing is lost.
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{INNER_ID} {uid} 1"),
        ("gid_map", f"{INNER_ID} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(content, encoding="ascii")


def become(name: str) -> None:
    """Become the named user for good."""
    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def remove_stale_lock(data: str) -> None:
    """Remove `postmaster.pid` if the process it names is no PostgreSQL server of this folder.

    PostgreSQL itself looks only at whether a process of the same user has the number, and after a reboot some process
    often has; it would then refuse to start for ever. Two servers on one folder stay impossible: PostgreSQL (12 and
    newer) also finds the shared memory that a living server keeps for the folder.
    """
    path = Path(data, "postmaster.pid")
    try:
        pid = int(path.read_bytes().split(b"\n")[0])
    except (OSError, ValueError):
        return
    if not _is_server_of(abs(pid), data):
        with contextlib.suppress(OSError):
            path.unlink()


def _is_server_of(pid: int, data: str) -> bool:
    if LINUX:
        try:
            # A server changes into its data folder before it writes the lock file.
            return Path(f"/proc/{pid}/cwd").samefile(data)
        except OSError:
            return False
    return _program_of(pid) == "postgres"


def _program_of(pid: int) -> str:
    """Return the name of the program that a process runs (macOS)."""
    buffer = ctypes.create_string_buffer(PROC_PIDPATHINFO_MAXSIZE)
    length = _libc().proc_pidpath(pid, buffer, PROC_PIDPATHINFO_MAXSIZE)
    return Path(os.fsdecode(buffer.value)).name if length > 0 else ""


def _death_signal() -> int:
    number = ctypes.c_int(0)
    if LINUX:
        _libc().prctl(PR_GET_PDEATHSIG, ctypes.byref(number))
    return number.value


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main(sys.argv[1:])
