"""Rules about a deployment's bucket and environment: what would make MWAA refuse, or read something else.

Pure: they look at what was read before. `cli/` turns remarks into findings beside those of the other checks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from mwaa_local.aws_ports import BucketFacts, EnvironmentRecord, S3Source
from mwaa_local.config_file import nearest
from mwaa_local.deploy.environment_update import refuse_update
from mwaa_local.deploy.git_facts import GitFacts
from mwaa_local.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that one rule says; `level` is `error`, `warning` or `info`, as in findings."""

    rule: str
    level: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a deployment meets: its bucket and its environment as they are, and what it is about to do."""

    deployment: Deployment
    bucket: BucketFacts
    environment: EnvironmentRecord | None
    """None: the deployment names none, or there is none of that name."""
    needs_update: bool
    """Whether the plan ends in an update of the environment."""
    end_of_support: date | None
    """Of the environment's version (else the deployment's)."""
    today: date
    git: GitFacts | None
    others: tuple[str, ...] = ()
    """The environments that there are, where the one that is meant is missing."""


def check_situation(situation: Situation) -> tuple[Remark, ...]:
    """Return what the rules say, in their order."""
    return tuple(remark for rule in _CHECKS for remark in rule(situation))


def _level(situation: Situation) -> str:
    """Return how bad it is that the bucket is not as MWAA wants it: an update fails, DAG files arrive all the same."""
    return "error" if situation.needs_update else "warning"


def _versioning(situation: Situation) -> Iterator[Remark]:
    if situation.bucket.versioning is False:
        name = situation.deployment.bucket
        yield Remark(
            "bucket-versioning",
            _level(situation),
            f"Bucket {name} keeps no versions: MWAA refuses it, and nothing can be rolled back.",
            f"aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled",
        )


def _public_access(situation: Situation) -> Iterator[Remark]:
    if situation.bucket.public_access_blocked is False:
        name = situation.deployment.bucket
        yield Remark(
            "bucket-public-access",
            _level(situation),
            f"Bucket {name} does not block all public access: MWAA refuses it.",
            f"aws s3api put-public-access-block --bucket {name} --public-access-block-configuration "
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        )


def _region(situation: Situation) -> Iterator[Remark]:
    bucket, deployment = situation.bucket, situation.deployment
    if bucket.region and bucket.region != deployment.region:
        yield Remark(
            "bucket-region",
            "error",
            f"Bucket {deployment.bucket} lies in {bucket.region}, the environment in {deployment.region}: "
            "MWAA needs both in one region.",
            "Set the deployment's region or bucket in mwaa-local.toml.",
        )


def _encryption(situation: Situation) -> Iterator[Remark]:
    if situation.bucket.encryption == "":
        name = situation.deployment.bucket
        yield Remark(
            "bucket-encryption",
            "warning",
            f"Bucket {name} has no default encryption.",
            f"aws s3api put-bucket-encryption --bucket {name} --server-side-encryption-configuration "
            '\'{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}\'',
        )


def _unchecked(situation: Situation) -> Iterator[Remark]:
    if situation.bucket.unknown:
        actions = ", ".join(situation.bucket.unknown)
        yield Remark(
            "bucket-unchecked",
            "info",
            f"Some settings of bucket {situation.deployment.bucket} could not be checked: {actions} is denied.",
            "Allow these actions, or see to it that versioning and the public access block are on.",
        )


def _missing(situation: Situation) -> Iterator[Remark]:
    deployment, end = situation.deployment, situation.end_of_support
    if deployment.environment is None or situation.environment is not None:
        return
    hint = "Make it first, or leave `environment` out of the deployment to fill the bucket only."
    if situation.others:
        hint = nearest(deployment.environment, situation.others)
    if end is not None and end <= situation.today:
        hint = f"None can be made with Airflow {deployment.version}: its support ended on {end}. Name an existing one."
    yield Remark(
        "environment-missing",
        "error",
        f"There is no environment {deployment.environment} in {deployment.region}.",
        hint,
    )


def _bucket(situation: Situation) -> Iterator[Remark]:
    deployment, environment = situation.deployment, situation.environment
    if environment is not None and environment.bucket != deployment.bucket:
        yield Remark(
            "environment-bucket",
            "error",
            f"Environment {environment.name} reads bucket {environment.bucket}, not {deployment.bucket}.",
            f'Set bucket = "{environment.bucket}" in the deployment, or name another environment.',
        )


def _paths(situation: Situation) -> Iterator[Remark]:
    environment, layout = situation.environment, situation.deployment.layout
    if environment is None:
        return
    if environment.dags_path.strip("/") != layout.dags:
        yield Remark(
            "environment-paths",
            "error",
            f"Environment {environment.name} reads its DAGs from {environment.dags_path}, not {layout.dags}.",
            f'Set dag_s3_path = "{environment.dags_path.strip("/")}" in the deployment.',
        )
    for what, have, want in (
        ("plugins", environment.plugins, layout.plugins),
        ("requirements", environment.requirements, layout.requirements),
        ("startup_script", environment.startup_script, layout.startup_script),
    ):
        yield from _other_path(environment.name, what, have, want)


def _other_path(name: str, what: str, have: S3Source | None, want: str | None) -> Iterator[Remark]:
    words = what.replace("_", " ")
    if have is not None and want is not None and have.path != want:
        yield Remark(
            "environment-paths",
            "warning",
            f"Environment {name} takes its {words} from {have.path}; the update makes it take {want}.",
            f'To keep the place: {what}_s3_path = "{have.path}" in the deployment.',
        )


def _version(situation: Situation) -> Iterator[Remark]:
    deployment, environment = situation.deployment, situation.environment
    if environment is not None and environment.airflow_version != deployment.version:
        yield Remark(
            "environment-version",
            "error",
            f"Environment {environment.name} runs Airflow {environment.airflow_version}; the project was checked "
            f"for {deployment.version}.",
            f'Set version = "{environment.airflow_version}" in the deployment (or under [environment]).',
        )


def _support(situation: Situation) -> Iterator[Remark]:
    environment, end = situation.environment, situation.end_of_support
    if environment is not None and end is not None and end <= situation.today:
        yield Remark(
            "environment-support",
            "info",
            f"Support of Airflow {environment.airflow_version} ended on {end}: the environment can be updated, "
            "but not made again once it is deleted.",
        )


def _status(situation: Situation) -> Iterator[Remark]:
    refusal = refuse_update(situation.environment) if situation.environment is not None else None
    if refusal is not None:
        yield Remark("environment-status", _level(situation), refusal.message, refusal.hint)


def _shapes(situation: Situation) -> Iterator[Remark]:
    layout = situation.deployment.layout
    for what, path, ending in (
        ("dag_s3_path", layout.dags, ""),
        ("plugins_s3_path", layout.plugins, ".zip"),
        ("requirements_s3_path", layout.requirements, ".txt"),
        ("startup_script_s3_path", layout.startup_script, ".sh"),
    ):
        problem = _misshapen(path, ending) if path is not None else ""
        if problem:
            yield Remark(
                "path-shape",
                "error",
                f'{what} = "{path}" {problem}.',
                "Name a key of the bucket, such as dags.",
            )


def _misshapen(path: str, ending: str) -> str:
    if "://" in path:
        return "must not name the bucket: it is relative to it"
    if path.startswith("/") or path.endswith("/"):
        return "must neither begin nor end with a slash"
    if not path:
        return "is empty"
    return "" if path.endswith(ending) else f"must end with {ending}"


def _git(situation: Situation) -> Iterator[Remark]:
    git = situation.git
    if git is not None and git.dirty:
        yield Remark(
            "git-dirty",
            "warning",
            f"What is deployed is not what commit {git.commit[:12] or '(none yet)'} holds: "
            f"{git.changed} changed or unknown {'file' if git.changed == 1 else 'files'}.",
            "Commit first, so that the receipt says what was deployed.",
        )


_CHECKS: tuple[Callable[[Situation], Iterator[Remark]], ...] = (
    _region,
    _versioning,
    _public_access,
    _encryption,
    _unchecked,
    _missing,
    _bucket,
    _paths,
    _version,
    _support,
    _status,
    _shapes,
    _git,
)
