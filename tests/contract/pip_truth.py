"""Record what MWAA's own pip does with every case: run it, on the base environment, up to the moment of installing.

    python -m tests.contract.pip_truth ENVIRONMENTS [--cases TEXT] [--missing]

ENVIRONMENTS is a folder of environments of mwaa-local (`<version>-<digest>`, stock). pip is MWAA's, in that Python; it
resolves, downloads and builds as always, and only its last step, the copying of files, is replaced by a report.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from mwaa_local.catalog import (
    ConstraintsPolicy,
    constraints_for,
    environment_pins,
    essential_for,
    load_version,
)
from mwaa_local.requirements_files import HAS_CONSTRAINTS
from mwaa_local.runtime.environment_copy import installed_versions
from mwaa_local.runtime.venv import write_pins
from tests.contract.agreement_cases import Case, Truth, load_cases, load_truth, save_truth, write_project

PROBE = """
import json, sys
from pip._internal.commands import install
def version_of(each):
    file = each.local_file_path or each.link.filename
    return file.rsplit("/")[-1].split("-")[1] if file.endswith(".whl") else str(each.metadata["Version"])
def report(requirements, *args, **named):
    found = {each.name: version_of(each) for each in requirements}
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)
    return []
install.install_given_reqs = report
from pip._internal.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def main(arguments: list[str]) -> int:
    """Run pip on the cases and write what it did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environments", type=Path)
    parser.add_argument("--cases", default="")
    parser.add_argument("--missing", action="store_true", help="only cases that have no record")
    options = parser.parse_args(arguments)
    known = load_truth()
    for case in load_cases():
        if options.cases not in case.key or (options.missing and case.key in known):
            continue
        known[case.key] = run_pip(case, find_environment(options.environments, case.version))
        sys.stdout.write(f"{case.key}: {known[case.key]}\n")
        sys.stdout.flush()
        save_truth(known)
    return 0


def find_environment(folder: Path, version: str) -> Path:
    """Return the environment of a version, with a record for what MWAA has and we leave out (it has to be compiled)."""
    root = sorted(folder.glob(f"{version}-*"))[0]
    site = next((root / "lib").glob("python*/site-packages"))
    known = load_version(version)
    for pin in environment_pins(known, known.amazon_provider_stock):
        if pin.name not in installed_versions(root):
            info = site / f"{pin.name.replace('-', '_')}-{pin.version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {pin.name}\nVersion: {pin.version}\n"
            )
            (info / "RECORD").write_text("")
            (info / "INSTALLER").write_text("pip\n")
    return root


def run_pip(case: Case, environment: Path) -> Truth:
    """Return pip's exit code, what it would have installed, and its first complaint."""
    version = load_version(case.version)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        official = write_pins(
            folder / "official.txt", constraints_for(version, version.amazon_provider_stock)
        )
        project = write_project(case, folder / "project", for_pip=official)
        command = ["-r", str(project.requirements)]
        text = case.requirements.replace("{constraints}", "x")
        if version.constraints_policy is not ConstraintsPolicy.WARN and not HAS_CONSTRAINTS.search(text):
            command += ["-c", str(official)]
        if essential_for(version):
            command += ["--constraint", str(write_pins(folder / "essential.txt", essential_for(version)))]
        result = subprocess.run(
            [environment / "bin" / "python", "-c", PROBE, folder / "report.json", "install", *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=project.root,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"},
            timeout=1800,
        )
        report = folder / "report.json"
        installs = json.loads(report.read_text()) if report.exists() else {}
    errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
    return Truth(
        result.returncode,
        tuple(installs.items()),
        errors[0].replace(name, "") if errors else "",
        datetime.now(UTC).date().isoformat(),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
