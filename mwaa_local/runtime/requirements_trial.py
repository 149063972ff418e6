"""Installs requirements for real, with MWAA's own pip, into a throw-away copy of the environment, and tries that out.

What the resolver cannot know shows here: builds, imports, Airflow's commands, the project's DAGs and plugins.
"""

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import (
    ConstraintsPolicy,
    Generation,
    MwaaVersion,
    constraints_for,
    environment_pins,
    essential_for,
)
from mwaa_local.config import Project
from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandResult
from mwaa_local.requirements_files import official_constraints, read_requirements
from mwaa_local.runtime.environment_copy import copy_environment, installed_versions
from mwaa_local.runtime.inside_files import INSIDE
from mwaa_local.runtime.installer import Toolchain, trimmed
from mwaa_local.runtime.installer_environ import installer_environ
from mwaa_local.runtime.venv import AirflowEnvironment, write_pins

MWAA_SECONDS = 540.0
STEP_SECONDS = 180.0
_PROBE = INSIDE / "requirements_probe.py"
ALIVE = {
    Generation.AIRFLOW_1: "from airflow.www_rbac.app import create_app; create_app()",
    Generation.AIRFLOW_2: "from airflow.www.app import create_app; create_app()",
    Generation.AIRFLOW_3: "from airflow.api_fastapi.app import create_app; create_app()",
}
DAG_ERRORS = (
    "import json; from airflow.models.dagbag import DagBag; "
    "print(json.dumps(DagBag(include_examples=False).import_errors))"
)


@dataclass(frozen=True, slots=True)
class TrialStep:
    """One thing that was tried."""

    name: str
    """`install`, `pip-check`, `cli`, `database`, `scheduler`, `webserver`, `imports`, `dags` or `plugins`."""
    ok: bool
    output: str
    """What it said, where it failed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of an installation."""

    steps: tuple[TrialStep, ...]
    changes: tuple[tuple[str, str | None, str], ...]
    """(package, version before, version after)."""


@dataclass(frozen=True, slots=True)
class _Bench:
    project: Project
    version: MwaaVersion
    tools: Toolchain
    python: Path
    folder: Path
    variables: Mapping[str, str]

    def airflow(self, *arguments: str) -> CommandResult:
        """Run the copy's airflow command; that of Airflow 1.10 is a script and no module."""
        if self.version.generation is Generation.AIRFLOW_1:
            return self.run([str(self.python.with_name("airflow")), *arguments])
        return self.run(["-m", "airflow", *arguments])

    def run(self, arguments: Iterable[str], timeout: float = STEP_SECONDS) -> CommandResult:
        """Run the copy's Python; what takes too long has failed."""
        home = self.folder / "home"
        environ = {
            **installer_environ(self.tools.environ),
            **self.variables,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__WEBSERVER__RBAC": "True",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.project.dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.project.plugins or home / "plugins"),
            "PATH": f"{self.python.parent}:{self.tools.environ.get('PATH', '')}",
        }
        try:
            return self.tools.commands.run(
                [str(self.python), *arguments], env=environ, cwd=self.folder, timeout=timeout
            )
        except CommandError as error:
            return CommandResult(1, "", error.message)


def try_requirements(
    base: AirflowEnvironment,
    project: Project,
    version: MwaaVersion,
    variables: Mapping[str, str],
    tools: Toolchain,
) -> Trial:
    """Install the project's requirements into a copy of `base` and try what they leave; the copy is removed."""
    work = base.root.parent.parent / "trials"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        root = folder / "environment"
        root.mkdir()
        bench = _Bench(project, version, tools, copy_environment(base.root, root), folder, variables)
        _record_left_out(root, version)
        before = installed_versions(root)
        known = set(_check_lines(bench))
        steps = [_install(bench)]
        if steps[0].ok:
            steps += _try_out(bench, known, before, installed_versions(root))
        after = installed_versions(root)
    changes = tuple(
        (each, before.get(each), new) for each, new in sorted(after.items()) if before.get(each) != new
    )
    return Trial(tuple(steps), changes)


def _record_left_out(root: Path, version: MwaaVersion) -> None:
    """Tell pip of what MWAA has and our environments leave out, because it has to be compiled."""
    site = next((root / "lib").glob("python*/site-packages"))
    present = installed_versions(root)
    for pin in environment_pins(version, version.amazon_provider_stock):
        if pin.name not in present:
            info = site / f"{pin.name.replace('-', '_')}-{pin.version}.dist-info"
            info.mkdir()
            metadata = f"Metadata-Version: 2.1\nName: {pin.name}\nVersion: {pin.version}\n"
            (info / "METADATA").write_text(metadata, encoding="utf-8")
            (info / "RECORD").write_text("", encoding="utf-8")


def _install(bench: _Bench) -> TrialStep:
    version, work = bench.version, bench.folder / "requirements"
    work.mkdir()
    environ = {**bench.tools.environ, **bench.variables}
    files = read_requirements(bench.project, environ, official_constraints)
    for name, text in files.texts:
        (work / name).write_text(text, encoding="utf-8")
    command = ["-m", "pip", "install", "-r", str(work / "requirements.txt")]
    if version.constraints_policy is not ConstraintsPolicy.WARN and not files.has_constraints:
        pins = constraints_for(version, version.amazon_provider_stock)
        command += ["-c", str(write_pins(work / "forced-constraints.txt", pins))]
    if essential_for(version):
        command += ["-c", str(write_pins(work / "essential-constraints.txt", essential_for(version)))]
    result = bench.run(command, MWAA_SECONDS)
    if result.exit_code == 0 and version.watchtower_reinstalled:
        bench.run(["-m", "pip", "install", f"watchtower=={version.watchtower}"])
    return make_step("install", result)


def _try_out(
    bench: _Bench, known: set[str], before: Mapping[str, str], after: Mapping[str, str]
) -> list[TrialStep]:
    new = [name for name, number in after.items() if before.get(name) != number]
    complaints = [line for line in _check_lines(bench) if line not in known]
    steps = [TrialStep("pip-check", not complaints, "\n".join(complaints))]
    steps.append(make_step("cli", bench.airflow("version")))
    steps.append(judge_imports(bench.run([str(_PROBE), *new])))
    if not steps[1].ok:
        return steps
    generation = bench.version.generation
    steps.append(make_step("database", bench.airflow(*migration(bench.version))))
    runs = "--num_runs" if generation is Generation.AIRFLOW_1 else "--num-runs"
    steps.append(make_step("scheduler", bench.airflow("scheduler", runs, "1")))
    steps.append(make_step("webserver", bench.run(["-c", ALIVE[generation]])))
    steps.append(_dags(bench))
    if generation is not Generation.AIRFLOW_1:
        steps.append(make_step("plugins", bench.airflow("plugins")))
    return steps


def migration(version: MwaaVersion) -> tuple[str, ...]:
    """Return the command that makes the database."""
    if version.generation is Generation.AIRFLOW_1:
        return ("initdb",)
    return ("db", "migrate" if version.number >= (2, 7) else "init")


def _check_lines(bench: _Bench) -> list[str]:
    return [
        line
        for line in bench.run(["-m", "pip", "check"]).stdout.splitlines()
        if " has requirement " in line or " requires " in line
    ]


def judge_imports(result: CommandResult) -> TrialStep:
    """Return what `requirements_probe` has found."""
    failed = _last_json(result.stdout)
    if result.exit_code or not isinstance(failed, dict):
        return make_step("imports", CommandResult(1, result.stdout, result.stderr))
    told = [
        f"{name}: import {module}: {why}" for name, each in failed.items() for module, why in each.items()
    ]
    return TrialStep("imports", not told, "\n".join(told))


def _dags(bench: _Bench) -> TrialStep:
    if not bench.project.dags.is_dir():
        return TrialStep("dags", True, "")
    return judge_dags(bench.run(["-c", DAG_ERRORS]))


def judge_dags(result: CommandResult) -> TrialStep:
    """Return which DAG files cannot be imported, of what DAG_ERRORS has printed."""
    errors = _last_json(result.stdout)
    if result.exit_code or not isinstance(errors, dict):
        return make_step("dags", CommandResult(1, result.stdout, result.stderr))
    told = [f"{file}: {str(why).strip().splitlines()[-1]}" for file, why in errors.items()]
    return TrialStep("dags", not told, "\n".join(told))


def _last_json(text: str) -> object:
    for line in reversed(text.splitlines()):
        try:
            return json.loads(line)
        except ValueError:
            continue
    return None


def make_step(name: str, result: CommandResult) -> TrialStep:
    """Return a step by the exit code of its command."""
    ok = result.exit_code == 0
    return TrialStep(name, ok, "" if ok else trimmed(result.stderr or result.stdout))
