"""`test-requirements --install` and `--in-container`: an installation for real, and what it adds to the verdict."""

import sys
from dataclasses import replace

from mwaa_local.cli.app import make_app, make_engine
from mwaa_local.cli.image_set import Workshop, recipe_of, requirements_variables
from mwaa_local.cli.progress import open_progress
from mwaa_local.config import Project
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from mwaa_local.runtime.requirements_container import try_in_container
from mwaa_local.runtime.requirements_trial import Trial, TrialStep, try_requirements
from mwaa_local.runtime.venv import ensure_base_environment
from mwaa_local.validation.finding import Finding, Location, Severity, order_findings
from mwaa_local.validation.package_verdict import is_same_version
from mwaa_local.validation.requirements_file import shown_name
from mwaa_local.validation.requirements_verdict import Inputs, Verdict

_FAILED = {
    "install": "pip did not install the requirements",
    "pip-check": "pip check finds packages without what they need",
    "cli": "the airflow command does not start any more",
    "database": "Airflow cannot make its database any more",
    "scheduler": "the scheduler does not live",
    "webserver": "the web server does not start",
    "imports": "some of what was installed cannot be imported",
    "dags": "some DAG files cannot be imported",
    "plugins": "the plugins cannot be loaded",
}
_WARNINGS = frozenset({"pip-check", "imports"})
"""Airflow may well live with these."""

_FEARED = frozenset({"requirements-airflow-broken", "requirements-source-build"})
"""What is an error only until an installation has shown that it is none."""


def with_container_trial(verdict: Verdict, inputs: Inputs) -> Verdict:
    """Install the requirements in a container, try them out there, and return the verdict with what was found."""
    app, project = make_app(), inputs.project
    flags = {"version": inputs.base.version.airflow, "amazon_provider": inputs.base.amazon_provider}
    loaded = app.load(project, flags)
    workshop = Workshop(make_engine(), app, open_progress())
    image = workshop.airflow(recipe_of(loaded)).name
    variables = requirements_variables(loaded, project)
    return _joined(verdict, try_in_container(image, loaded, project, variables, workshop.site), project)


def with_trial(verdict: Verdict, inputs: Inputs) -> Verdict:
    """Install the requirements, try the environment out, and return the verdict with what was found."""
    host = make_app().host
    tools = Toolchain(
        host.commands, host.uv, host.environ, lambda text: print(text, file=sys.stderr), host.locks
    )
    version, project = inputs.base.version, inputs.project
    interpreter = find_interpreter(version, None, Search(tools, host.cache))
    base = ensure_base_environment(version, inputs.base.amazon_provider, interpreter, host.cache, tools)
    tools.notify(f"Installing into a copy of it, with pip {version.pip}, and trying it out.")
    trial = try_requirements(base, project, version, inputs.variables, tools)
    return _joined(verdict, trial, project)


def _joined(verdict: Verdict, trial: Trial, project: Project) -> Verdict:
    steps = {step.name: step for step in trial.steps}
    alive = all(step.ok for step in trial.steps if step.name not in _WARNINGS and step.name != "install")
    found = [_finding(step, project) for step in trial.steps if not step.ok]
    if steps["install"].ok:
        found += _unforeseen(verdict, trial)
    known = (_corrected(each) if alive and steps["install"].ok else each for each in verdict.findings)
    return replace(
        verdict,
        installs=steps["install"].ok,
        works=alive,
        tried=tuple((step.name, step.ok) for step in trial.steps),
        findings=order_findings((*known, *found)),
    )


def _unforeseen(verdict: Verdict, trial: Trial) -> list[Finding]:
    """Say where pip has installed other versions than were foreseen: its answer is the one that counts."""
    foreseen = {each.name: each.version for each in verdict.packages if each.is_changed and each.version}
    if verdict.watchtower_put_back:
        foreseen.pop("watchtower", None)
    real = {name: after for name, _, after in trial.changes}
    other = [
        f"{name} {real.get(name, 'not')} (foreseen: {foreseen.get(name, 'unchanged')})"
        for name in sorted(real.keys() | foreseen.keys())
        if name not in real or (name in foreseen and not is_same_version(real[name], foreseen[name]))
    ]
    if not other or not verdict.installs:
        return []
    return [
        Finding(
            "requirements-trial-versions",
            Severity.INFO,
            f"pip has installed other versions than were foreseen: {', '.join(other)}.",
            "Lines without a fixed version leave that open; write name==version.",
            verdict.file.top,
            "an installation with MWAA's pip",
        )
    ]


def _corrected(finding: Finding) -> Finding:
    """Return what was feared for Airflow as a warning: it has started."""
    if finding.rule_id not in _FEARED:
        return finding
    message = f"{finding.message} It did start when it was tried."
    return replace(finding, severity=Severity.WARNING, message=message)


def _finding(step: TrialStep, project: Project) -> Finding:
    assert project.requirements is not None
    return Finding(
        f"requirements-trial-{step.name}",
        Severity.WARNING if step.name in _WARNINGS else Severity.ERROR,
        f"After a real installation {_FAILED[step.name]}:\n{step.output}",
        "",
        Location(shown_name(project, project.requirements), 1),
        "an installation with MWAA's pip",
    )
