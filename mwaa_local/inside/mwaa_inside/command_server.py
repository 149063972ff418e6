"""Runs Airflow commands without importing Airflow for each: next to the web server, as on MWAA, and in its environment.

Five kinds of process, each forked from the one before. The *keeper* comes from the web server's role before that has
become one; it replaces the *doorman*, and he it, should one of them be killed. The doorman waits at a unix socket; so
far nothing costs anything. At the first command he forks the *host*, which imports what commands need, keeps it for
some minutes and then ends. The host forks a *clerk* for each command, which reads the request and sends the answer, and
the clerk forks the command itself: two commands share no state, and one that crashes still has an answer. All of them
end with the web server. Runs on Python 3.7 and up.
"""

import contextlib
import importlib
import json
import os
import select
import socket
import sys
import threading
import time
import traceback

from mwaa_inside.command_clerk import LARGEST_NEWS, become_clerk, name_process, wait_for
from mwaa_inside.web_login import KEY_VARIABLE

SOCKET_VARIABLE = "MWAA_LOCAL_COMMAND_SOCKET"
IDLE = 300.0
"""Seconds after which the host gives its memory back."""
MUST_NOT_FORK = 3
"""The exit code of a host that has imported something with threads."""
PAUSE = 1.0
"""Seconds between a host that failed and the next."""
BACKLOG = 16


def open_door():
    """Fork the keeper if the environment names a socket; called before the web server is made."""
    path = os.environ.get(SOCKET_VARIABLE)
    if not path:
        return
    listener = listen(path)
    life, held = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        # Nothing is written to `held`: that it is open says that the web server lives.
        os.close(life)
        listener.close()
        return
    try:
        os.close(held)
        os.environ.pop(KEY_VARIABLE, None)
        name_process("airflow commands")
        keep_a_doorman(listener, life)
    except KeyboardInterrupt:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def listen(path):
    """Return a listening socket at `path` that only this user can reach."""
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def keep_a_doorman(listener, life):
    """See to it that there is a doorman until the web server ends."""
    while True:
        # Nothing is written to `staying`: that it is open says that the keeper lives.
        keeper, staying = os.pipe()
        doorman = os.fork()
        if doorman == 0:
            os.close(staying)
            if not Doorman(listener, life, keeper).serve():
                return
            os.close(keeper)
            continue  # as the keeper, since there is none any more
        os.close(keeper)
        if wait_for(doorman, life, None) is None:
            return
        os.close(staying)
        time.sleep(PAUSE)


class Doorman:
    """Waits for the first command, then for the host to end, and so on."""

    def __init__(self, listener, life, keeper):
        self.listener = listener
        self.life = life
        self.keeper = keeper
        self.cautious = False

    def serve(self):
        """Serve until the web server ends; True if the keeper has ended before it."""
        while True:
            readable, _, _ = select.select([self.listener, self.life, self.keeper], [], [])
            if self.life in readable:
                return False
            if self.keeper in readable:
                return True
            host = os.fork()
            if host == 0:
                become_host(Host(self.listener, self.life, self.cautious))
            ended = wait_for(host, self.life, None)
            if ended is None:
                return False
            if ended:
                # It has died of something that it had imported, or must not fork because of it.
                self.cautious = True
            if ended not in (0, MUST_NOT_FORK):
                time.sleep(PAUSE)


def become_host(host):
    """Turn this freshly forked process into a host; never returns."""
    code = 1
    try:
        name_process("airflow commands (warm)")
        import_commands()
        host.serve()
        code = MUST_NOT_FORK if host.must_not_fork else 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def import_commands():
    """Import what every command needs; where that fails, each command says so itself."""
    from mwaa_inside.roles import airflow_version, freeze_memory

    try:
        importlib.import_module("airflow.bin.cli" if airflow_version() < (2,) else "airflow.cli.cli_parser")
    except Exception:
        traceback.print_exc()
    freeze_memory()


class Host:
    """Forks a clerk for each command, and learns from the commands what it could have imported for them."""

    def __init__(self, listener, life, cautious):
        self.listener = listener
        self.life = life
        self.cautious = cautious
        self.news, self.newsroom = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.newsroom.setblocking(False)
        self.clerks = set()
        self.tried = set()
        self.must_not_fork = False

    def serve(self):
        """Serve until the web server ends, or nobody has come for a while."""
        idle_since = time.monotonic()
        while self.clerks or time.monotonic() - idle_since < IDLE:
            if self.must_not_fork and not self.clerks:
                return
            watched = [self.life, self.news] if self.must_not_fork else [self.listener, self.life, self.news]
            readable, _, _ = select.select(watched, [], [], 1.0 if self.clerks else IDLE)
            if self.life in readable:
                return
            if self.listener in readable:
                self.receive()
            if self.news in readable:
                self.learn(json.loads(self.news.recv(LARGEST_NEWS + 1).decode()))
            if self.clerks:
                idle_since = time.monotonic()
            self.reap()

    def receive(self):
        """Hand the next caller to a clerk."""
        try:
            caller, _ = self.listener.accept()
        except OSError:
            return
        clerk = os.fork()
        if clerk == 0:
            become_clerk(self, caller)
        caller.close()
        self.clerks.add(clerk)

    def reap(self):
        """Take note of clerks that have ended."""
        for clerk in tuple(self.clerks):
            if os.waitpid(clerk, os.WNOHANG)[0]:
                self.clerks.discard(clerk)

    def learn(self, names):
        """Import what a command had to import itself, and get ready what Airflow makes of its own packages.

        A module that starts threads must not be here when we fork: then the next host takes Airflow's own only.
        """
        from mwaa_inside.roles import freeze_memory

        new = [name for name in names if name not in self.tried]
        self.tried.update(new)
        if not new:
            return
        for name in new:
            if name.startswith("airflow.") or not self.cautious:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        get_ready()
        freeze_memory()
        self.must_not_fork = threading.active_count() > 1


def get_ready():
    """Do once what each command does with nothing but Airflow's own modules, as far as this version does it."""
    for prepare in (configure_providers, map_tables, make_parser):
        with contextlib.suppress(Exception):
            prepare()


def configure_providers():
    """Read the configuration that providers bring (from 2.7 on)."""
    from airflow.providers_manager import ProvidersManager

    ProvidersManager().initialize_providers_configuration()


def map_tables():
    """Connect the classes of the metadata database with its tables."""
    from sqlalchemy.orm import configure_mappers

    configure_mappers()


def make_parser():
    """Make the parser of command lines, which Airflow keeps."""
    from airflow.cli.cli_parser import get_parser

    get_parser()
