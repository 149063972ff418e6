"""Becomes a program that can write in a few folders only (`python -I -S`, this folder's parent on its path).

    main([--check] [--home FOLDER] --writable FOLDER... -- COMMAND...)

Linux only: in mounts of our own every file system becomes read-only but the named folders; `--home` is also to be found
at /usr/local/airflow, as on MWAA, where the kernel lets us. `--check` only tells whether all that is possible. Device
files stay usable.
"""

import argparse
import ctypes
import os
import sys

from mwaa_inside.namespaces import MWAA_HOME, Kernel, enter_namespaces, is_shown, show_at

MOUNT_SETATTR = 442
"""The number of the system call, on every architecture."""
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
READ_ONLY = 1


class MountAttributes(ctypes.Structure):
    """What `mount_setattr` takes."""

    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


def main(arguments):
    """Do as the module's docstring says; ends in exec, or in SystemExit with the reason."""
    options = _parse(arguments)
    try:
        kernel = Kernel()
        death_signal = kernel.death_signal()
        enter_namespaces(kernel)
        restrict(kernel, options.writable, options.home)
    except (OSError, AttributeError) as error:
        raise SystemExit("no sandbox: %s" % error) from error
    if options.check:
        return
    kernel.keep_death_signal(death_signal)
    try:
        os.execvp(options.command[0], options.command)  # noqa: S606 (becoming the command is what this is for)
    except OSError as error:
        raise SystemExit("%s: %s" % (options.command[0], error.strerror)) from error


def _parse(arguments):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--home", default="")
    parser.add_argument("--writable", action="append", default=[])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if options.command[:1] == ["--"]:
        del options.command[0]
    return options


def restrict(kernel, writable, home):
    """Make everything read-only but some folders."""
    kept = [os.path.realpath(folder) for folder in writable if os.path.isdir(folder)]
    shown = home != "" and _show(kernel, home)
    for folder in kept:
        kernel.bind(folder, folder)
    _set(kernel, "/", MountAttributes(set=READ_ONLY), AT_RECURSIVE)
    for folder in [*kept, *([MWAA_HOME] if shown else [])]:
        _set(kernel, folder, MountAttributes(clear=READ_ONLY), 0)


def _show(kernel, home):
    """Let `home` be found at MWAA's path; False where the kernel does not let us."""
    try:
        show_at(kernel, home, MWAA_HOME)
    except OSError:
        return False
    return is_shown(home)


def _set(kernel, folder, attributes, flags):
    kernel.call(
        MOUNT_SETATTR,
        AT_FDCWD,
        ctypes.c_char_p(os.fsencode(folder)),
        flags,
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
