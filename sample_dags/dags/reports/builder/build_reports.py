"""Writes a DAG file for each report in `reports.json`: `python build_reports.py development`.

The same input gives the same files, and a file that would not change is not touched.
"""

import json
import os
import string
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
STAGES = ("development", "staging")


def render_all(stage):
    """Return the text of each DAG file by its name."""
    template = string.Template((HERE / "report-template.py").read_text(encoding="utf-8"))
    reports = json.loads((HERE / "reports.json").read_text(encoding="utf-8"))
    return {
        f"report_{subject}.py": "# Written by reports/builder/build_reports.py; change the template or reports.json.\n"
        + template.substitute(report, subject=subject, stage=stage)
        for subject, report in sorted(reports.items())
    }


def write(path, text):
    """Replace the file at once, so that the scheduler never reads half of it; tell whether it changed."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    handle, unfinished = tempfile.mkstemp(dir=str(path.parent), prefix=".", suffix=".unfinished")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
    Path(unfinished).chmod(0o644)
    Path(unfinished).replace(path)
    return True


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in STAGES:
        raise SystemExit(f"usage: build_reports.py {'|'.join(STAGES)}")
    for name, text in render_all(arguments[0]).items():
        print("wrote" if write(HERE.parent / name, text) else "kept ", name)


if __name__ == "__main__":
    main(sys.argv[1:])
