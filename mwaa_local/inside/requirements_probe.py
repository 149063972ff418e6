"""Imports what requirements brought, inside their environment: one process, one JSON line on the last line of stdout.

    python requirements_probe.py NAME ...

Each NAME is a distribution. Standard library only, Python 3.7 and up.
"""

import importlib
import json
import re
import sys
from pathlib import Path

SKIPPED = ("test", "tests", "testing", "docs", "doc", "examples", "example", "scripts", "benchmarks")


def main(names):
    folders = [Path(path) for path in sys.path if path.endswith("site-packages")]
    failed = {}
    for folder in folders:
        for info in folder.glob("*.dist-info"):
            name = re.sub(r"[-_.]+", "-", info.name.rsplit("-", 2)[0]).lower()
            if name in names:
                for module in top_level_modules(info):
                    problem = import_problem(module)
                    if problem:
                        failed.setdefault(name, {})[module] = problem
    print(json.dumps(failed))


def top_level_modules(info):
    """Return the importable names at the top of a distribution, from its list of files."""
    found = set()
    try:
        lines = (info / "RECORD").read_text(encoding="utf-8").splitlines()
    except OSError:
        return found
    for line in lines:
        parts = line.split(",")[0].split("/")
        name = parts[0].split(".")[0]
        if len(parts) == 2 and parts[1] == "__init__.py":
            found.add(parts[0])
        elif len(parts) == 1 and parts[0].endswith((".py", ".so")):
            found.add(name)
    return sorted(each for each in found if each.isidentifier() and each not in SKIPPED and each != "setup")


def import_problem(module):
    """Import a module and say what went wrong, if anything did."""
    try:
        importlib.import_module(module)
    except BaseException as error:
        return "%s: %s" % (type(error).__name__, str(error)[:300])
    return ""


if __name__ == "__main__":
    main(sys.argv[1:])
