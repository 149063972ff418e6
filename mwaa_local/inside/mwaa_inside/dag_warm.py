"""Goes on after the first reading: looks for changed files and reads those, and what imports them, again.

Every file is read in a fresh process that was forked from this one, which has imported Airflow but none of the user's
code; so a change in a shared module counts too. Runs on Python 3.7 and up.
"""

import os
import time

INTERVAL = 0.15
"""Seconds between two looks."""


def snapshot(folders):
    """Return time and size of everything below the folders that can matter to a DAG file."""
    found = {}
    for folder in folders:
        for root, names, files in os.walk(folder, followlinks=True):
            names[:] = [name for name in names if name not in ("__pycache__", ".git")]
            for file in files:
                path = os.path.join(root, file)
                try:
                    status = os.stat(path)
                except OSError:
                    continue
                found[path] = (status.st_mtime_ns, status.st_size)
    return found


def affected(changed, files, imports, folders):
    """Return the DAG files that have changed or import what has."""
    modules = set()
    for path in changed:
        for folder in folders:
            if path.startswith(folder + os.sep) and path.endswith(".py"):
                name = os.path.relpath(path, folder)[:-3].replace(os.sep, ".")
                modules.add(name[: -len(".__init__")] if name.endswith(".__init__") else name)
    other = any(not path.endswith(".py") for path in changed)
    return [
        path
        for path in files
        if path in changed
        or path not in imports
        or (other and ".airflowignore" not in "".join(changed))
        or uses(imports[path], modules)
    ]


def uses(imported, modules):
    """Tell whether one of the modules, or a part of it, was imported."""
    return any(name == module or name.startswith(module + ".") for name in imported for module in modules)


def watch(request, channel, pool, list_files, imports):
    """Read again what changes, until the caller ends us."""
    folders = request["folders"]
    before = snapshot(folders)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(INTERVAL)
        now = snapshot(folders)
        if now == before:
            continue
        changed = {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}
        before = now
        began = time.monotonic()
        files = list_files(request)
        for path in set(imports) - set(files):
            del imports[path]
        channel.send("listed", files=[os.path.relpath(path, request["dags"]) for path in files])
        pool.run(affected(changed, files, imports, folders), on_file(request, channel, imports))
        channel.send("end", importing=0.0, reading=round(time.monotonic() - began, 3))


def on_file(request, channel, imports):
    """Return what is done with each report: pass it on, and remember what the file imports."""

    def take(report):
        imports[os.path.join(request["dags"], report["path"])] = report["imports"]
        channel.send("file", **report)

    return take
