"""A plan, and what came of it, as JSON."""

from collections.abc import Mapping
from typing import assert_never

from mwaa_local.aws_ports import EnvironmentRecord, S3Source
from mwaa_local.cli.deploy_session import Prepared, Site
from mwaa_local.deploy.plan_steps import Delete, Plan, Restore, Step, UpdateEnvironment, Upload
from mwaa_local.deployment import Deployment
from mwaa_local.validation.reports import findings_document


def prepared_document(prepared: Prepared) -> dict[str, object]:
    """Return everything about a plan."""
    return {
        "schema": 1,
        **site_document(prepared.chosen.deployment, prepared.site),
        **plan_document(prepared.plan),
        "stopped": prepared.is_stopped,
        "skipped": list(prepared.gate.skipped),
        "findings": findings_document(prepared.gate.findings)["findings"],
    }


def site_document(deployment: Deployment, site: Site) -> dict[str, object]:
    """Return where a deployment goes."""
    git = site.git
    return {
        "deployment": deployment.name,
        "bucket": deployment.bucket,
        "region": site.identity.region,
        "account": site.identity.account,
        "caller": site.identity.arn,
        "environment": _environment(site.environment),
        "git": git and {"commit": git.commit or None, "branch": git.branch or None, "changed": git.changed},
    }


def _environment(environment: EnvironmentRecord | None) -> Mapping[str, object] | None:
    if environment is None:
        return None
    return {
        "name": environment.name,
        "status": environment.status,
        "airflow_version": environment.airflow_version,
        "class": environment.environment_class,
        "plugins": _source(environment.plugins),
        "requirements": _source(environment.requirements),
        "startup_script": _source(environment.startup_script),
    }


def _source(source: S3Source | None) -> Mapping[str, object] | None:
    return None if source is None else {"path": source.path, "version": source.version}


def plan_document(plan: Plan) -> dict[str, object]:
    """Return a plan."""
    return {
        "steps": [step_document(step) for step in plan.steps],
        "unchanged": list(plan.unchanged),
        "left": list(plan.left),
        "remote_only": list(plan.remote_only),
        "conflicts": [
            {"key": each.key, "reason": each.obstacle.value, "deletion": each.deletion}
            for each in plan.conflicts
        ],
        "notes": list(plan.notes),
        "timing": list(plan.timing),
    }


def step_document(step: Step) -> dict[str, object]:
    """Return one step."""
    match step:
        case Upload():
            return {
                "step": "upload",
                "key": step.file.key,
                "part": step.file.part.value,
                "reason": step.reason.value,
                "source": str(step.file.source),
                "size": step.file.size,
                "sha256": step.file.sha256,
            }
        case Restore():
            return {"step": "restore", "key": step.key, "version": step.version}
        case Delete():
            return {"step": "delete", "key": step.key}
        case UpdateEnvironment():
            sources = {
                change.part.value: {
                    "path": change.path,
                    "version": change.version,
                    "before": _source(change.before),
                }
                for change in step.sources
            }
            return {"step": "update", "environment": step.name, "sources": sources}
        case _:
            assert_never(step)
