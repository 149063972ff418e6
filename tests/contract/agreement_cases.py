"""The sets of requirements on which our verdict is compared with pip's, and what pip did: as data and as folders."""

import json
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from mwaa_local.catalog import load_version
from mwaa_local.cli.resolver_tools import make_resolver
from mwaa_local.config import Project
from mwaa_local.requirements_files import OFFICIAL_CONSTRAINTS_URL
from mwaa_local.validation.base_environment import make_base
from mwaa_local.validation.requirements_verdict import Inputs, Verdict, judge_requirements

FOLDER = Path(__file__).parents[1] / "projects" / "pip-agreement"
TRUTH_FILE = FOLDER / "truth.json"
HOME = "/usr/local/airflow"


@dataclass(frozen=True, slots=True)
class Case:
    """One set of requirements, for one version."""

    name: str
    version: str
    requirements: str
    encoding: str
    files: tuple[tuple[str, str], ...]
    wheels: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return what the case is called in the recorded truth."""
        return f"{self.version}: {self.name}"


@dataclass(frozen=True, slots=True)
class Truth:
    """What pip did with a case, and on which day."""

    exit_code: int
    installs: tuple[tuple[str, str], ...]
    error: str
    date: str


def load_truth() -> dict[str, Truth]:
    """Return what was recorded, by the key of the case."""
    if not TRUTH_FILE.exists():
        return {}
    recorded = json.loads(TRUTH_FILE.read_text(encoding="utf-8"))
    return {
        key: Truth(each["exit"], tuple(each["installs"].items()), each["error"], each["date"])
        for key, each in recorded.items()
    }


def save_truth(truth: dict[str, Truth]) -> None:
    """Write what pip did."""
    document = {
        key: {"exit": each.exit_code, "installs": dict(each.installs), "error": each.error, "date": each.date}
        for key, each in truth.items()
    }
    TRUTH_FILE.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_cases() -> tuple[Case, ...]:
    """Return every case, once for each of its versions."""
    table = tomllib.loads((FOLDER / "cases.toml").read_text(encoding="utf-8"))
    return tuple(
        Case(
            entry["name"],
            version,
            entry["requirements"].lstrip("\n"),
            entry.get("encoding", "utf-8"),
            tuple(entry.get("files", {}).items()),
            tuple(entry.get("wheels", ())),
        )
        for entry in table["case"]
        for version in entry["versions"]
    )


def judge_case(case: Case, root: Path) -> Verdict:
    """Return our verdict on a case; RequirementsError where the index cannot be reached."""
    version = load_version(case.version)
    base = make_base(version, version.amazon_provider_stock)
    inputs = Inputs(write_project(case, root), base, {})
    return judge_requirements(inputs, make_resolver(base, sys.executable))


def find_difference(verdict: Verdict, truth: Truth) -> str:
    """Say how our verdict differs from what pip did; empty where it does not."""
    if verdict.installs != (truth.exit_code == 0):
        told = [each.message for each in verdict.findings]
        return f"verdict: we say {verdict.installs}, pip ended with {truth.exit_code}; {told}"
    if not verdict.installs:
        return ""
    ours = {each.name: each.version for each in verdict.packages if each.is_changed}
    pips: dict[str, str] = {canonicalize_name(name): number for name, number in truth.installs}
    # The version of a folder is not known before it is built.
    other = {
        name: (ours.get(name), pips.get(name))
        for name in ours.keys() | pips.keys()
        if name not in ours or name not in pips or (ours[name] and Version(ours[name]) != Version(pips[name]))
    }
    return f"packages (ours, pip's): {other}" if other else ""


def write_project(case: Case, root: Path, *, for_pip: Path | None = None) -> Project:
    """Write the project of a case; `for_pip`: with paths that pip can read, those constraints among them."""
    version = load_version(case.version)
    url = OFFICIAL_CONSTRAINTS_URL.format(airflow=version.airflow, python=version.python)

    def fill(text: str) -> str:
        filled = text.replace("{constraints}", str(for_pip or url)).replace("{airflow}", version.airflow)
        return filled.replace(HOME, str(root)) if for_pip else filled

    for folder in ("dags", "plugins"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "requirements.txt").write_bytes(fill(case.requirements).encode(case.encoding))
    for name, text in case.files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(fill(text), encoding="utf-8")
    for wheel in case.wheels:
        _write_wheel(root / "plugins", wheel)
    return Project(root, root / "dags", root / "plugins", root / "requirements.txt", None, None)


def _write_wheel(folder: Path, text: str) -> None:
    head, _, requires = text.partition(":")
    name, number, tag = head.split()
    info = f"{name}-{number}.dist-info"
    needs = "".join(f"Requires-Dist: {each.strip()}\n" for each in requires.split(",") if each.strip())
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{number}-{tag}.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
