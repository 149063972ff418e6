"""A worker's container that works only while it is wanted: autoscaling and replacement, seen from inside one.

Where workers follow the tasks, `/run/mwaa-local/roster.json` says who is wanted; the local AWS endpoint, which knows
the queue, writes it. Who is not wanted takes no more tasks, has the roster's grace for what it runs, and then sleeps.
A worker that has been replaced finds `<service>.leave`, which says how many seconds it has. An engine that starts it
again nevertheless (Podman does) wakes nobody. Runs as root; Python 3.7 and up, with the standard library.
"""

import contextlib
import json
import os
import signal
import sys
import time

from mwaa_inside.container_user import write_as

FOLDER = "/run/mwaa-local"
ROSTER = FOLDER + "/roster.json"
SCALED_VARIABLE = "MWAA_LOCAL_SCALED"
PARKED, WORKING, LEAVING = "parked", "working", "leaving"
LOOK_EVERY = 1.0
BEAT_EVERY = 5.0
DEFAULT_GRACE = 120.0
LEAVE_LIMIT = 43200.0
"""Seconds that a worker has which is to end for good, as on MWAA, where nobody has said another number."""


class Worker:
    """What this container is told, and how it says what it does."""

    def __init__(self, user, service, run, is_scaled, folder=FOLDER):
        self.user = user
        self.service = service
        self.run = run
        self.is_scaled = is_scaled
        self.folder = folder

    def grace(self):
        """Return how long it may still work when it is not wanted, None while it is."""
        roster = self._roster()
        if roster is None or self.service in roster.get("wanted", ()):
            return None
        return float(roster.get("grace", DEFAULT_GRACE))

    def time_to_leave(self):
        """Return how long it may still work when it has been replaced, None if it has not."""
        try:
            with open(self._path("leave"), encoding="ascii") as stream:
                return float(stream.read())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return LEAVE_LIMIT

    def is_wanted(self):
        """Tell whether it is wanted: by name, where workers follow the tasks."""
        if self.time_to_leave() is not None:
            return False
        roster = self._roster()
        return not self.is_scaled or (roster is not None and self.service in roster.get("wanted", ()))

    def say(self, duty):
        """Say what it does."""
        self._write("duty", duty)

    def beat(self):
        """Say that it lives, though it sleeps."""
        self._write("beat", str(os.getpid()))

    def forget_beat(self):
        """Take back that it lives: the next beat is the worker's own."""
        with contextlib.suppress(OSError):
            os.unlink(self._path("beat"))

    def _roster(self):
        if not self.is_scaled:
            return None
        try:
            with open(os.path.join(self.folder, "roster.json"), encoding="utf-8") as stream:
                roster = json.load(stream)
        except (OSError, ValueError):
            return None
        return roster if isinstance(roster, dict) and roster.get("run_id") == self.run else None

    def _write(self, kind, text):
        try:
            write_as(self._path(kind), text, self.user["uid"], self.user["gid"])
        except OSError as error:
            print("mwaa-local: {} cannot be written: {}".format(self._path(kind), error), flush=True)

    def _path(self, kind):
        return os.path.join(self.folder, "{}.{}".format(self.service, kind))


def keep_worker(worker, work, after):
    """Work whenever it is wanted, and return the exit code of a worker that has ended unasked.

    `work` becomes the worker, in a process of its own; `after` is called when it has been parked.
    """
    while True:
        park(worker)
        worker.forget_beat()
        worker.say(WORKING)
        code = attend(worker, start(work))
        if code is not None:
            return code
        after()


def park(worker, sleep=time.sleep):
    """Sleep until the worker is wanted."""
    if worker.is_wanted():
        return
    worker.say(PARKED)
    said = None
    while not worker.is_wanted():
        if said is None or time.monotonic() - said >= BEAT_EVERY:
            worker.beat()
            said = time.monotonic()
        sleep(LOOK_EVERY)


def start(work):
    """Start `work` in a process and a session of its own; return its number."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os._exit(work() or 0)
        except BaseException as error:
            sys.stderr.write("mwaa-local: {}\n".format(error))
            sys.stderr.flush()
        finally:
            os._exit(1)
    return pid


def attend(worker, pid, look_every=LOOK_EVERY):
    """Follow a working process: return its exit code, or None when it has ended only because it was not wanted.

    When its time is over it is killed with all that it has started, however it was asked to end.
    """
    asked = []

    def pass_on(number, _frame):
        asked.append(number)
        kill(pid, number)

    before = signal.signal(signal.SIGTERM, pass_on)
    # A signal that is blocked can be waited for: the end of the process is seen at once.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    deadline, is_final = None, False
    try:
        while True:
            code = ended(pid)
            if code is not None:
                return code if asked or is_final or deadline is None else None
            now = time.monotonic()
            time_left, for_good = orders(worker, asked)
            if time_left is not None and (deadline is None or (for_good and not is_final)):
                if deadline is None and not asked:
                    worker.say(LEAVING)
                    kill(pid, signal.SIGTERM)
                deadline, is_final = now + time_left, for_good
            elif deadline is not None and now > deadline:
                for each in descendants(pid):
                    kill(each, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, look_every)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGTERM, before)


def orders(worker, asked):
    """Return how long a worker may still work, None while it is wanted, and whether it ends for good then."""
    limit = worker.time_to_leave()
    if limit is None and not asked:
        return worker.grace(), False
    return LEAVE_LIMIT if limit is None else limit, True


def ended(pid):
    """Return the exit code of a child, None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    if found == 0:
        return None
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def kill(pid, number):
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def descendants(pid):
    """Return a process and all that it has started, as far as their parents live."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/{}/stat".format(name)) as stream:
                    parents[int(name)] = int(stream.read().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found
