"""One Airflow command for the command server: a clerk that talks with the caller, and the command's own process.

A request is a JSON line, {"arguments": [...], "limit": seconds}; the answer is {"exit_code", "stdout", "stderr"}, both
in base64; the exit code is null where the command was ended because it took too long. Runs on Python 3.7 and up.
"""

import base64
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback

LARGEST_REQUEST = 4 * 1024 * 1024
LARGEST_NEWS = 60000
"""Bytes of one message about modules; the system sends a message whole or not at all."""
NAMES_AT_ONCE = 400


def name_process(title):
    """Show what this process is; never what a command was called with, which may be secret."""
    try:
        import setproctitle
    except ImportError:
        return
    setproctitle.setproctitle(title)


def become_clerk(host, caller):
    """Turn this freshly forked process into a clerk that answers `caller`; never returns."""
    try:
        host.listener.close()
        host.news.close()
        caller.setblocking(True)
        request = json.loads(read_line(caller).decode())
        answer = run_command(request, host)
        caller.sendall(json.dumps(answer).encode() + b"\n")
    except BrokenPipeError:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def read_line(caller):
    """Return what the caller sends up to the end of the line."""
    found = b""
    while not found.endswith(b"\n") and len(found) < LARGEST_REQUEST:
        chunk = caller.recv(65536)
        if not chunk:
            break
        found += chunk
    return found


def run_command(request, host):
    """Run a command in a process of its own and return the answer."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        command = os.fork()
        if command == 0:
            become_command(request["arguments"], (out.fileno(), err.fileno()), host)
        exit_code = wait_for(command, host.life, request["limit"])
        if exit_code is None:
            end_group(command)
        return {"exit_code": exit_code, "stdout": read_back(out), "stderr": read_back(err)}


def read_back(stream):
    """Return what a command has written, in base64."""
    stream.seek(0)
    return base64.b64encode(stream.read()).decode("ascii")


def become_command(arguments, streams, host):
    """Turn this freshly forked process into the command `airflow ARGUMENTS`; never returns."""
    code = 1
    known = set(sys.modules)
    try:
        os.setpgid(0, 0)
        take_streams(*streams)
        import random

        random.seed()
        tempfile.tempdir = None
        name_process("airflow command")
        from mwaa_inside.roles import airflow_version, forget_connections

        forget_connections()
        run_airflow(arguments, airflow_version())
        code = 0
    except SystemExit as ending:
        code = exit_code_of(ending)
    except BaseException:
        traceback.print_exc()
    finally:
        tell(host.newsroom, known)
        leave(code)


def take_streams(out, err):
    """Have standard output and error go to two files, and let nothing come in."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)


def run_airflow(arguments, version):
    """Run Airflow's own command line."""
    sys.argv = ["airflow", *arguments]
    if version < (2,):
        from airflow.bin.cli import CLIFactory

        parsed = CLIFactory.get_parser().parse_args(arguments)
        parsed.func(parsed)
        return
    from airflow.__main__ import main

    main()


def exit_code_of(ending):
    """Return the exit code of a SystemExit, saying what there is to say, as the interpreter does."""
    if ending.code is None or isinstance(ending.code, int):
        return ending.code or 0
    sys.stderr.write("%s\n" % (ending.code,))
    return 1


def tell(newsroom, known):
    """Tell the host which installed modules this command had to import; files of DAGs and plugins are none."""
    installed = tuple(folder + os.sep for folder in (sys.prefix, os.path.dirname(os.__file__)))
    names = [
        name
        for name, module in list(sys.modules.items())
        if name not in known and (getattr(module, "__file__", None) or "").startswith(installed)
    ]
    try:
        for first in range(0, len(names), NAMES_AT_ONCE):
            newsroom.send(json.dumps(names[first : first + NAMES_AT_ONCE]).encode())
    except OSError:
        pass


def leave(code):
    """End this process as an interpreter ends."""
    import atexit
    import threading

    try:
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        code = code or 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)


def wait_for(child, life, seconds):
    """Wait for a child and return its exit code; None when `seconds` have passed or the web server has ended."""
    wake, trigger = os.pipe()
    os.set_blocking(trigger, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    before = signal.set_wakeup_fd(trigger)
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([wake, life], [], [], left)
            if life in readable or (left is not None and left == 0.0):
                return None
            if wake in readable:
                os.read(wake, 512)
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(wake)
        os.close(trigger)


def end_group(child):
    """Kill a child with what it has started in its process group, and collect it."""
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except OSError:
            continue
    os.waitpid(child, 0)
