"""Installs a project's requirements in a container of the image, as MWAA does, and packs what has changed.

    python3 -m mwaa_inside.container_requirements FOLDER

FOLDER/orders.json says how; FOLDER/out gets packages.tar (what is new or other in ~/.local), removed.txt and
changes.json. The exit code is pip's, or that of a startup script that was cut off. Python 3.7 and up.
"""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import tarfile

from mwaa_inside.container_startup import StartupFailure, run_startup_script

PACKAGES = "/usr/local/airflow/.local"
TOO_LONG = 124
STARTUP_FAILED = 97
WATCHTOWER_SECONDS = 60.0


def main(folder):
    """Install and pack; return the exit code."""
    with open(os.path.join(folder, "orders.json"), encoding="utf-8") as stream:
        orders = json.load(stream)
    environment = {**os.environ, **orders["variables"], "PIP_NO_INPUT": "1", "PIP_NO_CACHE_DIR": "1"}
    if orders["startup_script"]:
        own = {"uid": os.getuid(), "gid": os.getgid()}
        try:
            exports = run_startup_script(orders["startup_script"], environment, own)
        except StartupFailure as failure:
            sys.stderr.write("{}\n".format(failure))
            return STARTUP_FAILED
        environment.update(
            {name: value for name, value in exports.items() if name not in orders["variables"]}
        )
    before, versions = list_files(PACKAGES), installed_versions()
    # Everybody may write there: see the image.
    os.umask(0)
    code = run_pip(["install", *orders["arguments"]], environment, orders["limit"])
    watchtower = orders["watchtower"]
    if code == 0 and watchtower and installed_versions().get("watchtower") != watchtower:
        code = run_pip(["install", "--no-deps", "watchtower==" + watchtower], environment, WATCHTOWER_SECONDS)
    if code == 0:
        pack(before, versions, os.path.join(folder, "out"))
    return code


def run_pip(arguments, environment, limit):
    """Run the image's own pip with a time limit; return its exit code."""
    pip = subprocess.Popen(["pip3", *arguments], env=environment, start_new_session=True)
    try:
        return pip.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(pip.pid, signal.SIGKILL)
        pip.wait()
        return TOO_LONG


def list_files(root):
    """Return what tells a changed file or a new folder, by path below `root`."""
    found = {}
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            known = (status.st_ino, status.st_ctime_ns, status.st_size)
            found[os.path.relpath(path, root)] = "folder" if stat.S_ISDIR(status.st_mode) else known
    return found


def installed_versions():
    """Return the version of each package by its canonical name."""
    found = {}
    for folder in sys.path:
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            match = re.match(r"(.+?)-([^-]+)\.(dist|egg)-info$", name)
            if match:
                found.setdefault(re.sub(r"[-_.]+", "-", match.group(1)).lower(), match.group(2))
    return found


def pack(before, versions, out):
    """Write what has changed since `before`."""
    os.makedirs(out, exist_ok=True)
    after = list_files(PACKAGES)
    with tarfile.open(os.path.join(out, "packages.tar"), "w") as archive:
        for path in sorted(after):
            if after[path] != before.get(path):
                archive.add(os.path.join(PACKAGES, path), arcname=path, recursive=False)
    gone = sorted(path for path in set(before) - set(after) if before[path] != "folder")
    with open(os.path.join(out, "removed.txt"), "w", encoding="utf-8") as stream:
        stream.write("".join(path + "\n" for path in gone))
    now = installed_versions()
    changes = [(name, versions.get(name), now.get(name)) for name in sorted({*versions, *now})]
    with open(os.path.join(out, "changes.json"), "w", encoding="utf-8") as stream:
        json.dump([each for each in changes if each[1] != each[2]], stream)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
