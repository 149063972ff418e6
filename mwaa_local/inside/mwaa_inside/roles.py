"""Runs one Airflow role in this process, as `airflow scheduler`, `airflow celery worker` and so on would.

Used in two ways that end in the same function: as a program of its own (`python -m mwaa_inside.roles ROLE`), and in
a process that `launcher` has forked after importing Airflow once for all roles. Runs on Python 3.7 and up.
"""

import os
import sys
import threading
import time

from mwaa_inside.command_server import open_door
from mwaa_inside.live import count_parses_from_their_begin
from mwaa_inside.web_login import give_sessions_in_fastapi, give_sessions_in_flask

WEBSERVER_VARIABLES = ("MWAA_LOCAL_WEB_HOST", "MWAA_LOCAL_WEB_PORT")


def airflow_version():
    """Return Airflow's version as numbers, for example (2, 2, 2)."""
    from airflow.version import version

    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in version.split(".")[:3])


def role_arguments(role, version):
    """Return the `airflow` command line of a role, without the word `airflow`."""
    queue = os.environ.get("MWAA_LOCAL_SQS_QUEUE", "default")
    host, port = (os.environ.get(name, "") for name in WEBSERVER_VARIABLES)
    if version < (2,):
        return {
            "scheduler": ["scheduler"],
            "worker": ["worker", "--skip_serve_logs", "--queues", queue, "--pid", worker_pid_file()],
            "webserver": ["webserver", "-hn", host, "-p", port],
        }[role]
    # Before 2.2 the scheduler served no logs, so that there was nothing to skip.
    serving = ["--skip-serve-logs"] if version >= (2, 2) else []
    web = ["webserver", "--hostname", host, "--port", port]
    if version >= (3,):
        # Behind the HTTPS of our own doors, pages must be told that they were asked for over HTTPS.
        web = ["api-server", "--host", host, "--port", port, "--workers", "1", "--proxy-headers"]
    return {
        "scheduler": ["scheduler", *serving],
        "worker": ["celery", "worker", "--skip-serve-logs", "--queues", queue, "--pid", worker_pid_file()],
        "webserver": web,
        "triggerer": ["triggerer", "--skip-serve-logs"],
        "dag-processor": ["dag-processor"],
    }[role]


def worker_pid_file():
    """Return where a worker writes its PID: in its own folder, since workers share AIRFLOW_HOME.

    Celery refuses to start when the file of a worker that was killed names a process that exists, whichever that is;
    here the supervisor is who knows what runs.
    """
    path = os.path.join(os.environ["TMPDIR"], "worker.pid")
    if os.path.exists(path):
        os.unlink(path)
    return path


def beat(path, interval=5.0):
    """Keep the age of the file at `path` below `interval` seconds for as long as this process lives."""

    def touch_for_ever():
        while True:
            with open(path, "w") as stream:
                stream.write(str(os.getpid()))
            time.sleep(interval)

    threading.Thread(target=touch_for_ever, name="mwaa-local-beat", daemon=True).start()


def watch_memory(path, counters=("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")):
    """Write to `path` how many processes of this container were killed for its memory, whenever that grows."""

    def watch_for_ever():
        known = 0
        while True:
            count = max(count_kills(each) for each in counters)
            if count > known:
                known = count
                with open(path, "w") as stream:
                    stream.write(str(count))
            time.sleep(5.0)

    threading.Thread(target=watch_for_ever, name="mwaa-local-memory", daemon=True).start()


def count_kills(counter):
    """Return how many processes of a control group were killed for its memory."""
    try:
        with open(counter) as stream:
            lines = dict(line.split(None, 1) for line in stream if " " in line)
    except OSError:
        return 0
    return int(lines.get("oom_kill", 0))


def beat_when_the_worker_is_ready():
    """Say through a file when Celery's consumer is up: a worker has no port that could be asked."""
    path = os.environ.get("MWAA_LOCAL_BEAT")
    if path:
        from celery.signals import worker_ready

        worker_ready.connect(lambda **_: beat(path), weak=False)


def run_webserver(version):
    """Serve Airflow 2's web application with gunicorn from this process: the application is made once and shared.

    `airflow webserver` starts a second interpreter and makes the application in each of its workers, which costs
    most of the start-up time and memory; the application and gunicorn's settings are the same here.
    """
    from gunicorn.app.base import BaseApplication

    class WebServer(BaseApplication):
        def load_config(self):
            from airflow.configuration import conf

            self.cfg.set("bind", ":".join(os.environ[name] for name in WEBSERVER_VARIABLES))
            self.cfg.set("workers", int(os.environ.get("MWAA_LOCAL_WEB_WORKERS", "2")))
            self.cfg.set("timeout", conf.getint("webserver", "web_server_worker_timeout"))
            self.cfg.set("proc_name", "airflow-webserver")
            self.cfg.set("preload_app", True)
            self.cfg.set("post_fork", forget_connections)
            self.cfg.set("accesslog", None)
            self.cfg.set("errorlog", "-")

        def load(self):
            if version < (2,):
                from airflow.www_rbac.app import cached_app
            else:
                from airflow.www.app import cached_app
            os.environ["SKIP_DAGS_PARSING"] = "True"
            try:
                application = cached_app(None)
                give_sessions_in_flask(version)
                return application
            finally:
                os.environ.pop("SKIP_DAGS_PARSING", None)
                freeze_memory()

    WebServer().run()


def forget_connections(_server=None, _worker=None):
    """Drop database connections that a fork has copied; the parent's own stay open."""
    from airflow import settings

    if settings.engine is not None:
        settings.engine.dispose()


def freeze_memory():
    """Keep the garbage collector away from what all forks share, so that it stays shared."""
    import gc

    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()


def run_role(role):
    """Run `role` until it ends; returns only when it has."""
    version = airflow_version()
    if os.environ.get("MWAA_LOCAL_OOM"):
        watch_memory(os.environ["MWAA_LOCAL_OOM"])
    if role in ("scheduler", "dag-processor") and os.environ.get("MWAA_LOCAL_LIVE") == "1":
        count_parses_from_their_begin()
    if role == "worker":
        beat_when_the_worker_is_ready()
    if role == "webserver":
        open_door()
        if version < (3,):
            run_webserver(version)
            return
        give_sessions_in_fastapi()
    arguments = role_arguments(role, version)
    sys.argv = ["airflow", *arguments]
    if version < (2,):
        from airflow.bin.cli import CLIFactory

        parsed = CLIFactory.get_parser().parse_args(arguments)
        parsed.func(parsed)
        return
    from airflow.__main__ import main

    main()


if __name__ == "__main__":
    run_role(sys.argv[1])
