"""Imports Airflow once and forks the roles from there: quicker to start, and what they share is in memory once.

Reads one JSON object per line on standard input, {"name", "role", "environment", "cwd", "log", "parent"}, and
answers {"name", "pid"} per role on standard output. Each role is handed to the process `parent` (which must be a
child subreaper, so Linux only) and dies with it; the launcher itself ends when its standard input does.
Runs on Python 3.7 and up.
"""

import ctypes
import json
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1


def die_with_parent(parent):
    """Have the kernel kill this process when `parent` goes; exits at once where it has gone already."""
    deadline = time.monotonic() + 10
    while os.getppid() != parent and time.monotonic() < deadline:
        time.sleep(0.001)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def become_role(order, replies):
    """Turn this freshly forked process into the role that `order` describes; never returns."""
    from mwaa_inside.statsd_sockets import renew_sockets

    code = 1
    try:
        os.setsid()
        die_with_parent(order["parent"])
        os.write(replies, (json.dumps({"name": order["name"], "pid": os.getpid()}) + "\n").encode())
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, 256)
        renew_sockets()
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["cwd"])
        import random
        import tempfile

        random.seed()
        tempfile.tempdir = None
        import setproctitle

        setproctitle.setproctitle("airflow " + order["name"])
        from mwaa_inside.roles import forget_connections, run_role

        forget_connections()
        run_role(order["role"])
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def launch(order, replies):
    """Fork twice, so that the role's parent becomes the subreaper above us."""
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            become_role(order, replies)
        os._exit(0)
    os.waitpid(middle, 0)


def end_run():
    """Kill what a supervisor that was killed has left: the kernel ends the roles, and this what they have started.

    Every process of a run carries its id; after an orderly stop there is none.
    """
    run = os.environ.get("MWAA_LOCAL_RUN")
    mark = ("MWAA_LOCAL_RUN=%s" % run).encode()
    found = bool(run)
    while found:
        found = False
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                with open("/proc/%s/environ" % name, "rb") as stream:
                    if mark not in stream.read().split(b"\0"):
                        continue
                os.kill(int(name), signal.SIGKILL)
                found = True
            except OSError:
                continue


def main():
    """Serve orders until standard input ends."""
    orders = os.fdopen(os.dup(0), "r")
    replies = os.dup(1)
    os.dup2(2, 1)
    from statsd.client import udp

    from mwaa_inside.role_modules import modules_to_preload, preload
    from mwaa_inside.roles import airflow_version, freeze_memory
    from mwaa_inside.statsd_sockets import remember_name_handler, watch_clients

    watch_clients(udp)
    preload(modules_to_preload(airflow_version()))
    remember_name_handler(sys.modules)
    import setproctitle

    setproctitle.setproctitle(
        "airflow launcher"
    )  # it must find its memory before a role changes the environment
    freeze_memory()
    for line in orders:
        launch(json.loads(line), replies)
    end_run()


if __name__ == "__main__":
    main()
