"""Runs while an image is built, with the image's own Python (3.7 and up): makes what was installed smaller and quicker.

    python3 finish_packages.py SITE_PACKAGES

Tests of packages and maps for debugging in a browser are removed, descriptions of AWS services are written without
indentation, and what an environment imports is compiled: Airflow, boto3, pip, and all that they and the roles load. The
rest is compiled when it is first used.
"""

import compileall
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

COMPILED = ("airflow", "boto3", "botocore", "celery", "kombu", "pip", "s3transfer")
USED = ("pandas", "numpy", "requests", "airflow.operators.bash", "airflow.operators.python")


def main(site):
    """Finish the packages in a folder; everybody may write what is made."""
    os.umask(0)
    for folder in [path for path in site.rglob("tests") if path.is_dir()]:
        shutil.rmtree(str(folder), ignore_errors=True)
    for path in site.rglob("*.map"):
        path.unlink()
    for path in site.glob("botocore/data/**/*.json"):
        text = path.read_text(encoding="utf-8")
        path.write_text(
            json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False), encoding="utf-8"
        )
    # In a process of its own: what cannot be imported here is compiled later.
    loading = subprocess.Popen([sys.executable, __file__, "--load"]) if (site / "airflow").is_dir() else None
    for name in COMPILED:
        if (site / name).is_dir():
            compileall.compile_dir(str(site / name), quiet=2)
    if loading is not None:
        loading.wait()


def load_what_is_used():
    """Import what the roles of an environment do, which compiles it."""
    from mwaa_inside.roles import airflow_version, preload

    preload(airflow_version())
    for name in USED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


if __name__ == "__main__":
    if sys.argv[1:] == ["--load"]:
        load_what_is_used()
    else:
        main(pathlib.Path(sys.argv[1]))
