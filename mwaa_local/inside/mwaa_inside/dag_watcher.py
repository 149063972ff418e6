"""Notes what a DAG file does while it is read: Variables, Connections, database, network, imports and their time.

Nothing outside answers: the metadata database and the network refuse, Variables and Connections come from
AIRFLOW_VAR_* and AIRFLOW_CONN_* only. Runs on Python 3.7 and up.
"""

import builtins
import errno
import os
import socket
import sys
import time

SHORT = 0.005
"""An import that takes less is not worth a line."""


def knows_nothing(_backend, *_arguments, **_named):
    """Stand for a look-up in the metadata database."""


def knows_no_connections(_backend, *_arguments, **_named):
    """Stand for a look-up of all connections of a name in the metadata database."""
    return []


def is_airflows(names):
    """Tell whether a module's names are those of one of Airflow's own modules."""
    return names is not None and (names.get("__name__") or "").startswith("airflow.")


class Refused(OSError):
    """Raised where a DAG file reaches outside while it is read."""


class Watcher:
    """Everything that was noted since `begin`."""

    def __init__(self, folders, allow_network):
        self._folders = tuple(os.path.realpath(folder) + os.sep for folder in folders)
        self._allow_network = allow_network
        self._costs = {}
        self._depth = 0
        self._active = False
        self._import = builtins.__import__
        self.accesses = []
        self._requested = {}
        self._paid = set()

    def install(self):
        """Take the place of what a DAG file might use."""
        self._watch_secrets()
        self._watch_database()
        builtins.__import__ = self._tracked_import
        if not self._allow_network:
            self._watch_network()

    def begin(self):
        """Forget what was noted, and note what follows."""
        self.accesses = []
        self._requested = {}
        self._paid = set()
        self._depth = 0
        self._active = True

    def end(self):
        """Stop noting; return the seconds that other files have spent on imports of this one, and its imports."""
        self._active = False
        shared = sum(cost for name, cost in self._requested.items() if name not in self._paid)
        return shared, sorted(self._requested)

    def _note(self, kind, name):
        if not self._active:
            return
        place = self.place()
        entry = {"kind": kind, "name": str(name), "file": place[0], "line": place[1]}
        if entry not in self.accesses:
            self.accesses.append(entry)

    def place(self):
        """Return file and line of the user's code that is running."""
        frame = sys._getframe(1)
        while frame is not None:
            path = frame.f_code.co_filename
            if path.startswith(self._folders) or os.path.realpath(path).startswith(self._folders):
                return path, frame.f_lineno
            frame = frame.f_back
        return "", 0

    def _watch_secrets(self):
        from airflow.secrets.environment_variables import EnvironmentVariablesBackend
        from airflow.secrets.metastore import MetastoreBackend

        single = hasattr(EnvironmentVariablesBackend, "get_connection")
        connection = "get_connection" if single else "get_connections"  # before 2.0
        for kind, method, nothing in (
            ("variable", "get_variable", knows_nothing),
            ("connection", connection, knows_nothing if single else knows_no_connections),
        ):
            original = getattr(EnvironmentVariablesBackend, method)
            setattr(EnvironmentVariablesBackend, method, self._noting(kind, original))
            setattr(MetastoreBackend, method, nothing)

    def _noting(self, kind, original):
        def method(backend, *arguments, **named):
            asked = arguments[0] if arguments else named.get("key", named.get("conn_id", ""))
            self._note(kind, asked)
            return original(backend, *arguments, **named)

        return method

    def _watch_database(self):
        from airflow import settings
        from sqlalchemy import event

        engine = getattr(settings, "engine", None)
        if engine is None:
            return

        def refuse(*_arguments):
            self._note("database", "the metadata database")
            raise Refused(errno.EACCES, "the metadata database is not there while DAG files are checked")

        event.listen(engine, "do_connect", refuse)

    def _watch_network(self):
        def refuse(address):
            self._note("network", address)
            raise Refused(errno.ENETUNREACH, "no network while DAG files are checked (%s)" % (address,))

        original_connect, original_lookup = socket.socket.connect, socket.getaddrinfo

        def connect(sock, address):
            if self._active and isinstance(address, tuple):
                refuse("%s:%s" % address[:2])
            return original_connect(sock, address)

        def getaddrinfo(host, *arguments, **named):
            if self._active and host:
                refuse(host.decode() if isinstance(host, bytes) else host)
            return original_lookup(host, *arguments, **named)

        socket.socket.connect = connect
        socket.getaddrinfo = getaddrinfo

    def _tracked_import(self, name, globals=None, locals=None, fromlist=(), level=0):
        if level or not self._active or (name in sys.modules and is_airflows(globals)):
            # What Airflow's own functions import is there already after the first time, and they do it often.
            return self._import(name, globals, locals, fromlist, level)
        key = name if name.startswith("airflow.") else name.partition(".")[0]
        began = time.perf_counter()
        self._depth += 1
        try:
            return self._import(name, globals, locals, fromlist, level)
        finally:
            self._depth -= 1
            spent = time.perf_counter() - began
            if spent > SHORT and key not in self._costs:
                self._costs[key] = spent
                self._paid.add(key)
            if self._depth == 0:
                self._requested[name] = self._costs.get(key, 0.0)
                if key in self._paid:
                    self._paid.add(name)
