"""Finds a DAG in the metadata database: is it there, is what the scheduler knows newer than its file, and if not, why.

A DAG that was saved a moment ago is worth waiting for; one whose file does not import, or that nobody ever wrote, is
not. Runs on Python 3.7 and up.
"""

# ruff: noqa: S608 - what is put into SQL is chosen here; values are bound

import datetime
import difflib
import os
import re
import time

from mwaa_inside.channel import RequestFailed
from mwaa_inside.metadata import moment

_LARGEST_SOURCE = 2 * 1024 * 1024
_PAUSE = 0.3

UNKNOWN_DAG = 2


class FoundDag:
    """What the database says about a DAG."""

    def __init__(self, paused, file, parsed, runnable):
        self.paused = bool(paused)
        self.file = file
        self.parsed = moment(parsed)
        self.runnable = runnable

    def is_current(self):
        """Tell whether the scheduler has read the file since it was saved (where that can be told)."""
        saved = saved_at(self.file)
        return self.parsed is None or saved is None or saved <= self.parsed


def saved_at(path):
    """Return when a file was saved, or None."""
    try:
        return datetime.datetime.fromtimestamp(os.stat(path or "").st_mtime, datetime.timezone.utc)
    except OSError:
        return None


def find_dag(database, dag_id):
    """Return the DAG of this id if its file is still there, else None."""
    columns = database.columns("dag")
    parsed = "last_parsed_time" if "last_parsed_time" in columns else "NULL"
    active = "NOT is_stale" if "is_stale" in columns else "is_active"
    rows = database.rows(
        "SELECT is_paused, fileloc, %s FROM dag WHERE dag_id = :dag_id AND %s" % (parsed, active),
        dag_id=dag_id,
    )
    if not rows:
        return None
    stored = database.rows("SELECT 1 FROM serialized_dag WHERE dag_id = :dag_id", dag_id=dag_id)
    # Airflow 1.10 reads the file itself when it triggers; later ones need the stored form.
    return FoundDag(*rows[0], runnable=bool(stored) or "last_parsed_time" not in columns)


def wait_for_dag(database, dag_id, patience, on_wait):
    """Return the DAG once the scheduler knows what its file says now.

    Waits up to `patience` seconds, and calls `on_wait(reason)` once if it must. RequestFailed if the id is unknown or
    its file does not import. A file that is still not read again is run as the scheduler knows it.
    """
    deadline, told = time.monotonic() + patience, False
    while True:
        dag = find_dag(database, dag_id)
        if dag and dag.runnable and dag.is_current():
            return dag
        files = [dag.file] if dag else _files_to_come(database, dag_id)
        _refuse_broken(database, dag_id, files)
        late = time.monotonic() > deadline
        if late and dag and dag.runnable:
            on_wait("%s was saved, and the scheduler has not read it again; running what it knows" % dag.file)
            return dag
        if late or not files:
            raise _unknown(database, dag_id)
        if not told:
            on_wait("the scheduler has not read %s yet" % ", ".join(sorted(files)[:3]))
            told = True
        time.sleep(_PAUSE)


def _files_to_come(database, dag_id):
    """Return the files under the DAGs folder that name this id, or that were saved since anything was read."""
    if "last_parsed_time" in database.columns("dag"):
        latest = moment(database.rows("SELECT max(last_parsed_time) FROM dag")[0][0])
    else:
        latest = None
    quoted = re.compile(r"""["']%s["']|def %s\(""" % (re.escape(dag_id), re.escape(dag_id)))
    return [path for path in _sources() if _is_newer(path, latest) or quoted.search(_text_of(path))]


def _is_newer(path, latest):
    saved = saved_at(path)
    return latest is not None and saved is not None and saved > latest


def _sources():
    for folder, _, names in os.walk(_dags_folder()):
        for name in names:
            if name.endswith(".py"):
                yield os.path.join(folder, name)


def _dags_folder():
    from airflow.configuration import conf

    return conf.get("core", "dags_folder")


def _text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST_SOURCE)
    except OSError:
        return ""


def import_errors(database, files):
    """Return (file, text) of each of these files that does not import as it is saved now."""
    found = []
    for name, text, at in database.rows("SELECT filename, stacktrace, timestamp FROM import_error"):
        # Airflow 3 stores names relative to the DAG bundle's folder.
        path = name if os.path.isabs(name) else os.path.join(_dags_folder(), name)
        saved = saved_at(path)
        if path in files and saved is not None and moment(at) >= saved:
            found.append((path, text))
    return found


def _refuse_broken(database, dag_id, files):
    broken = import_errors(database, files)
    if broken:
        path, text = broken[0]
        raise RequestFailed(
            "The DAG %r cannot run: %s does not import." % (dag_id, path),
            "Correct the file and run again.",
            dag_id=dag_id,
            import_error=text.strip(),
            file=path,
            exit_code=UNKNOWN_DAG,
        )


def _unknown(database, dag_id):
    active = "NOT is_stale" if "is_stale" in database.columns("dag") else "is_active"
    known = [row[0] for row in database.rows("SELECT dag_id FROM dag WHERE %s ORDER BY dag_id" % active)]
    nearest = difflib.get_close_matches(dag_id, known, n=3, cutoff=0.5)
    if nearest:
        hint = "Did you mean %s?" % " or ".join(nearest)
    elif known:
        more = ", ..." if len(known) > 10 else ""
        hint = "There are: %s%s." % (", ".join(known[:10]), more)
    else:
        hint = "The environment has no DAG; put a file into the dags folder."
    return RequestFailed(
        "There is no DAG %r." % dag_id, hint, dag_id=dag_id, nearest=nearest, exit_code=UNKNOWN_DAG
    )
