"""Looks at everything that a deployment depends on and decides: the first half of `plan`, `deploy` and `rollback`."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from mwaa_local.aws_ports import AwsAccess, BucketFacts, CallerIdentity, EnvironmentRecord, ObjectStore
from mwaa_local.catalog import load_version
from mwaa_local.cli.deploy_options import Wishes
from mwaa_local.cli.look import make_commands, open_aws
from mwaa_local.cli.preflight import Gate, apply_skips, check_chosen
from mwaa_local.cli.progress import Progress
from mwaa_local.cli.staging import ChosenDeployment
from mwaa_local.deploy.bucket_rules import Situation, check_situation
from mwaa_local.deploy.git_facts import GitFacts, is_in_git, read_git
from mwaa_local.deploy.manifest import Manifest
from mwaa_local.deploy.plan import make_plan
from mwaa_local.deploy.plan_steps import Plan, PlanOptions
from mwaa_local.deploy.remote import Remote, look_at_remote
from mwaa_local.errors import AwsError, CatalogError


@dataclass(frozen=True, slots=True)
class Site:
    """What a deployment goes to, as it is now."""

    access: AwsAccess
    store: ObjectStore
    identity: CallerIdentity
    bucket: BucketFacts
    environment: EnvironmentRecord | None
    git: GitFacts | None
    others: tuple[str, ...] = ()
    """The region's environments, where the one that is named is not among them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A deploy that has been decided on, and everything that was looked at for it."""

    chosen: ChosenDeployment
    site: Site
    manifest: Manifest
    remote: Remote
    options: PlanOptions
    plan: Plan
    gate: Gate

    @property
    def is_stopped(self) -> bool:
        """Tell whether something stands in the way."""
        return bool(self.plan.conflicts) or self.plan.refusal is not None or self.gate.is_shut


def look_at_site(chosen: ChosenDeployment) -> Site:
    """Ask AWS who we are and how bucket and environment are, and git about the project; all at once."""
    deployment = chosen.deployment
    access = open_aws(deployment.profile, deployment.region)
    with ThreadPoolExecutor(4) as pool:
        identity = pool.submit(access.identity)
        git = pool.submit(_git, chosen.project.root)
        name = deployment.environment
        environment = pool.submit(access.environments.get, name) if name else None
        store = access.bucket(deployment.bucket)
        # Credentials first: what they are refused is said of them, not of the bucket.
        who = identity.result()
        found = environment.result() if environment else None
        others = _environments(access) if environment and found is None else ()
        return Site(access, store, who, store.look(), found, git.result(), others)


def _git(root: Path) -> GitFacts | None:
    return read_git(root, make_commands()) if is_in_git(root) else None


def _environments(access: AwsAccess) -> tuple[str, ...]:
    try:
        return access.environments.names()
    except AwsError:
        return ()  # only to help with a name; who may deploy need not be allowed to list


def look_and_plan(chosen: ChosenDeployment, wishes: Wishes, progress: Progress) -> Prepared:
    """Look and decide; nothing is changed, and nothing has been checked."""
    with progress.step("Looked at AWS"):
        site = look_at_site(chosen)
    with progress.step("Staged the project and listed the bucket"):
        manifest = chosen.manifest()
        remote = look_at_remote(site.store, chosen.deployment, manifest)
    options = PlanOptions(chosen.deployment, wishes.take_over, wishes.delete, _local_paths(wishes.only))
    plan = make_plan(manifest, remote, site.environment, options)
    return Prepared(chosen, site, manifest, remote, options, plan, Gate((), (), ()))


def check(prepared: Prepared, wishes: Wishes, progress: Progress) -> Prepared:
    """Return a plan with what the checks say of the project and of where it goes."""
    chosen, needs_update = prepared.chosen, prepared.plan.update is not None
    findings = check_chosen(chosen, prepared.manifest, wishes.skip, progress)
    remarks = check_situation(situation(chosen, prepared.site, needs_update=needs_update))
    gate = apply_skips(findings, remarks, wishes.skip)
    for name in gate.unused:
        progress.warn(f"--skip {name}: there was nothing of that name to leave out.")
    return replace(prepared, gate=gate)


def situation(chosen: ChosenDeployment, site: Site, *, needs_update: bool) -> Situation:
    """Return what the rules about bucket and environment look at."""
    environment = site.environment
    version = environment.airflow_version if environment else chosen.deployment.version
    return Situation(
        deployment=chosen.deployment,
        bucket=site.bucket,
        environment=environment,
        needs_update=needs_update,
        end_of_support=_end_of_support(version),
        today=datetime.now(UTC).date(),
        git=site.git,
        others=site.others,
    )


def _end_of_support(version: str) -> date | None:
    try:
        return load_version(version).end_of_support
    except CatalogError:
        return None  # an environment may run a version that this catalogue does not know yet


def _local_paths(only: tuple[str, ...]) -> tuple[str, ...]:
    """Return what `--only` names: keys of the bucket as they are, paths of this machine as absolute ones too."""
    here = (os.path.normpath(Path(path).absolute()) for path in only if Path(path).exists())
    return (*only, *here)
