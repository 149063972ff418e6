"""The gate of a deployment: every check of the project and of what it is deployed to, put together.

Errors stop a deployment. `--skip RULE` silences a rule, or a whole check by its name, and the receipt says so.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from mwaa_local.cli.progress import Progress
from mwaa_local.cli.staging import ChosenDeployment
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.config_loading import load_config
from mwaa_local.deploy.bucket_rules import Remark
from mwaa_local.deploy.manifest import Manifest
from mwaa_local.deployment import Deployment
from mwaa_local.errors import MwaaLocalError
from mwaa_local.validation.finding import Finding, Severity, has_errors, order_findings

SITE = "the bucket and the environment"
"""The source of findings about where a deployment goes."""

NOT_READ = Finding(
    "test-dags-not-run",
    Severity.WARNING,
    "The DAG files have not been read in Airflow: the requirements have errors.",
    "",
    None,
    "mwaa-local test-dags",
)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the checks say, and what was left out on demand."""

    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]
    """Names of checks and rules that `--skip` silenced."""
    unused: tuple[str, ...]
    """What `--skip` named for nothing."""

    @property
    def is_shut(self) -> bool:
        """Tell whether an error is left."""
        return has_errors(self.findings)


def check_chosen(
    chosen: ChosenDeployment, manifest: Manifest, skip: Iterable[str], progress: Progress
) -> tuple[Finding, ...]:
    """Run the checks of the project that are not skipped, and keep what concerns the files that are deployed."""
    loaded, left_out = _loaded_for(chosen), frozenset(skip)
    found: list[Finding] = []
    for project in checked_projects(chosen.project, chosen.deployment):
        for name, check in CHECKS.items():
            if name in left_out:
                continue
            if check is _test_dags and not can_be_read(found):
                found.append(NOT_READ)
                continue
            with progress.step(f"Check: {name}"):
                found += check(project, loaded)
    concerns = _concerning(chosen, manifest) if found else bool
    # Two folders of DAGs have one requirements.txt: what is said of it would be said twice.
    return order_findings(dict.fromkeys(each for each in found if concerns(each)))


def can_be_read(findings: Iterable[Finding]) -> bool:
    """Tell whether DAG files can be read in Airflow: not where the requirements of theirs cannot be installed."""
    return not any(
        each.severity is Severity.ERROR and each.rule_id.startswith("requirements-") for each in findings
    )


def apply_skips(findings: Sequence[Finding], remarks: Sequence[Remark], skip: Sequence[str]) -> Gate:
    """Return the gate: all findings but those of rules that are skipped."""
    everything = (*findings, *(_as_finding(each) for each in remarks))
    silenced = {each.rule_id for each in everything if each.rule_id in skip} | (CHECKS.keys() & set(skip))
    return Gate(
        findings=tuple(each for each in everything if each.rule_id not in silenced),
        skipped=tuple(sorted(silenced)),
        unused=tuple(sorted(set(skip) - silenced)),
    )


def checked_projects(project: Project, deployment: Deployment) -> tuple[Project, ...]:
    """Return the project as the checks are to see it: once for each separate folder of DAGs that is deployed."""
    sources = [tree.source if tree.source.is_dir() else tree.source.parent for tree in deployment.dags]
    inside = [source for source in sources if source.is_relative_to(project.dags)]
    outside = [source for source in sources if source not in inside]
    # Below the project's DAG folder, names are imported as from there.
    roots = dict.fromkeys([project.dags, *outside] if inside or not outside else outside)
    plugins = deployment.plugins if deployment.plugins and deployment.plugins.is_dir() else project.plugins
    return tuple(
        replace(
            project,
            dags=root,
            plugins=plugins,
            requirements=deployment.requirements,
            startup_script=deployment.startup_script,
        )
        for root in roots
    )


def _loaded_for(chosen: ChosenDeployment) -> LoadedConfig:
    """Return the configuration for the version that is deployed to, where the project's own is another one."""
    version = chosen.deployment.version
    if version == chosen.loaded.config.version:
        return chosen.loaded
    return load_config(chosen.project, {"version": version}, os.environ)


def _concerning(chosen: ChosenDeployment, manifest: Manifest) -> Callable[[Finding], bool]:
    """Return what tells whether a finding is about something that is deployed: other people's DAG files are not."""
    root, sent = chosen.project.root, {os.fspath(file.source) for file in manifest.files}
    trees = {chosen.project.dags, *(tree.source for tree in chosen.deployment.dags)}
    folders = tuple(f"{tree}{os.sep}" for tree in trees)

    def concerns(finding: Finding) -> bool:
        if finding.location is None:
            return True
        place = os.path.normpath(root / finding.location.file)
        return place in sent or not place.startswith(folders)

    return concerns


def _validate(project: Project, loaded: LoadedConfig) -> Sequence[Finding]:
    from mwaa_local.cli.checks import check_everything

    return check_everything(project, loaded)


def _test_requirements(project: Project, loaded: LoadedConfig) -> Sequence[Finding]:
    from mwaa_local.cli.requirements_check import requirements_findings

    return requirements_findings(project, loaded)


def _test_dags(project: Project, loaded: LoadedConfig) -> Sequence[Finding]:
    from mwaa_local.cli.dag_testing import open_dag_testing
    from mwaa_local.cli.test_dags import with_known
    from mwaa_local.validation.dag_report_rules import check_report

    try:
        testing = open_dag_testing(project, loaded)
        limits = testing.limits(allow_network=False, workers=None)
        found = tuple(check_report(testing.report(limits), testing.dag_limits(limits)))
    except MwaaLocalError as error:
        message = f"The DAG files could not be read in Airflow {loaded.version.airflow}: {error.message}"
        hint = f"{error.hint} Or leave it out: --skip test-dags".lstrip()
        return (Finding("test-dags", Severity.ERROR, message, hint, None, "mwaa-local test-dags"),)
    return with_known(found, None, project.root)


CHECKS: dict[str, Callable[[Project, LoadedConfig], Sequence[Finding]]] = {
    "validate": _validate,
    "test-requirements": _test_requirements,
    "test-dags": _test_dags,
}
"""The checks of the project, by the commands that do each alone; cheap ones first."""


def _as_finding(remark: Remark) -> Finding:
    return Finding(
        remark.rule,
        Severity(remark.level),
        remark.message,
        remark.hint,
        None,
        "the bucket and the environment",
    )
