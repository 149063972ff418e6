"""The container's user `airflow` with the number that the user has on the host, so that files stay the user's own.

Runs as root in a container of its own, before a role starts; Python 3.7 and up, with the standard library.
"""

import os
import re
import stat

NAME = "airflow"
HOME = "/usr/local/airflow"
ROOT = 0


def name_user(uid, gid, users="/etc/passwd", groups="/etc/group"):
    """Give the user `airflow` these numbers in the two files; return its home.

    Root stays root: that is the user of an engine without root's rights.
    """
    home = HOME
    if uid == ROOT:
        return home
    lines = _read(users)
    others = [line for line in lines if not _has_number(line, uid) and not line.startswith(NAME + ":")]
    own = next((line for line in lines if line.startswith(NAME + ":")), None)
    if own:
        home = own.split(":")[5]
    new = "{}:x:{}:{}::{}:/bin/bash".format(NAME, uid, gid, home)
    if own is None or own.split(":")[2:4] != [str(uid), str(gid)]:
        _write(users, [*others, new])
    lines = _read(groups)
    if not any(_has_number(line, gid) for line in lines):
        others = [line for line in lines if not line.startswith(NAME + ":")]
        _write(groups, [*others, "{}:x:{}:".format(NAME, gid)])
    return home


def give_folder(path, uid, gid):
    """Make a folder the user's, unless it cannot be: one that is mounted read-only, or belongs to the host."""
    try:
        os.makedirs(path, exist_ok=True)
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode) and (found.st_uid, found.st_gid) != (uid, gid):
            os.chown(path, uid, gid)
    except OSError:
        pass


def write_as(path, text, uid, gid):
    """Write a private file of the user's."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        os.chown(path, uid, gid)
        stream.write(text)


def become_user(uid, gid):
    """Give up root's rights for good; sudo gives them back, as on MWAA."""
    if os.getuid() != ROOT:
        return
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    os.umask(0o022)


def _has_number(line, number):
    return re.match(r"[^:]*:[^:]*:{}:".format(number), line) is not None


def _read(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read().splitlines()


def _write(path, lines):
    partial = path + ".mwaa-local"
    with open(partial, "w", encoding="utf-8") as stream:
        stream.write("".join(line + "\n" for line in lines))
    os.chmod(partial, 0o644)
    os.replace(partial, path)
