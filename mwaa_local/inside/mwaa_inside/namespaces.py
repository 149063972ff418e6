"""Mounts of a process's own, on Linux: a folder is found at another path, by this process and all that it starts.

Needs no rights: who is not root becomes master of a user namespace for it, and gives its powers up again. Nothing of it
outlives the processes. Runs on Python 3.7 and up; a program must call it before it has threads.
"""

import contextlib
import ctypes
import os
import tempfile

MWAA_HOME = "/usr/local/airflow"
"""AIRFLOW_HOME on MWAA."""
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x2000, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2
CAPABILITY_VERSION = 0x20080522


class Kernel:
    """The system calls that change what a process sees; each raises OSError."""

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)

    def unshare(self, flags):
        """Leave the namespaces that we share with others."""
        self.check(self._libc.unshare(flags))

    def mount(self, source, target, kind=None, flags=0, data=None):
        """Mount a file system, or a folder once more."""
        names = (os.fsencode(each) if each is not None else None for each in (source, target, kind))
        self.check(self._libc.mount(*names, ctypes.c_ulong(flags), data))

    def bind(self, source, target):
        """Show a folder or file, with what is mounted below it, at another place too."""
        self.mount(source, target, flags=MS_BIND | MS_REC)

    def call(self, *arguments):
        """Make a system call by its number."""
        self.check(self._libc.syscall(*arguments))

    def death_signal(self):
        """Return the signal that we get when our parent ends, 0 for none."""
        number = ctypes.c_int(0)
        self._libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(number))
        return number.value

    def keep_death_signal(self, number):
        """Set it again: the kernel forgets it when a process changes who it is."""
        if number:
            self._libc.prctl(PR_SET_PDEATHSIG, number)

    def drop_powers(self):
        """Give up what a user namespace has made us able to do."""
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        self.check(self._libc.capset(header, (ctypes.c_uint32 * 6)()))

    @staticmethod
    def check(result):
        """Raise what a system call has failed with."""
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def enter_namespaces(kernel):
    """Give this process mounts of its own; tell whether that made it the master of a user namespace."""
    uid, gid = os.geteuid(), os.getegid()
    mastered = False
    try:
        kernel.unshare(CLONE_NEWNS)
    except OSError:
        kernel.unshare(CLONE_NEWUSER | CLONE_NEWNS)
        mastered = True
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", "%d %d 1" % (uid, uid)),
            ("gid_map", "%d %d 1" % (gid, gid)),
        ):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(content)
    kernel.mount(None, "/", flags=MS_REC | MS_PRIVATE)
    return mastered


def show_at(kernel, folder, target):
    """Let `folder` be found at `target` too, which need not exist: what lies beside it is shown as it is."""
    if os.path.isdir(target):
        kernel.bind(folder, target)
        return
    parent, name = os.path.split(target)
    scratch = tempfile.mkdtemp(prefix="mwaa-local-view-")
    try:
        kernel.mount("tmpfs", scratch, "tmpfs", data=b"mode=755,size=1m")
        with os.scandir(parent) as entries:
            for entry in entries:
                _show_entry(kernel, entry, os.path.join(scratch, entry.name))
        view = os.path.join(scratch, name)
        os.mkdir(view)
        kernel.bind(folder, view)
        kernel.mount(scratch, parent, flags=MS_MOVE)
        # What were written beside the view would be lost, and would not be where its writer believes.
        kernel.mount(None, parent, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
    finally:
        # Where the view has stayed there it goes with this process.
        with contextlib.suppress(OSError):
            os.rmdir(scratch)


def _show_entry(kernel, entry, place):
    if entry.is_symlink():
        os.symlink(os.readlink(entry.path), place)
    elif entry.is_dir():
        os.mkdir(place)
        kernel.bind(entry.path, place)
    else:
        with open(place, "w"):
            pass
        kernel.bind(entry.path, place)


def show_mwaa_home(home):
    """Let AIRFLOW_HOME be found at MWAA's path too, by us and all that we start; tell whether it is now."""
    if is_shown(home):
        return True
    if not os.path.isdir(home):
        return False
    try:
        kernel = Kernel()
        death_signal = kernel.death_signal()
        mastered = enter_namespaces(kernel)
        try:
            show_at(kernel, home, MWAA_HOME)
        finally:
            if mastered:
                kernel.drop_powers()
            kernel.keep_death_signal(death_signal)
    except (OSError, AttributeError):
        return False
    return True


def is_shown(home):
    """Tell whether a folder is found at MWAA's path."""
    try:
        return os.path.samefile(home, MWAA_HOME)
    except OSError:
        return False
