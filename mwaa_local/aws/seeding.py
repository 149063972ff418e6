"""What an environment's AWS account holds from the start: the Celery queue, the bucket, the secrets."""

from dataclasses import dataclass
from typing import Any

from moto.s3.models import PublicAccessBlock, s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import sqs_backends

from mwaa_local.aws.account import ACCOUNT_ID, QUEUE_VISIBILITY_TIMEOUT
from mwaa_local.aws.secrets import Secret

DESCRIPTION = "Served by mwaa-local from the project's secrets file"
"""Of the secrets that come from there."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What to create; an empty name or tuple stands for nothing."""

    region: str
    queue: str = ""
    bucket: str = ""
    secrets: tuple[Secret, ...] = ()


def apply_seed(seed: Seed) -> None:
    """Create what `seed` names and does not exist yet, in moto's backends of this process."""
    if seed.queue:
        create_queue(seed.region, seed.queue)
    if seed.bucket:
        _create_bucket(seed.region, seed.bucket)
    for secret in seed.secrets:
        _create_secret(seed.region, secret)


def create_queue(region: str, name: str) -> None:
    """Create the Celery queue of an environment, if there is none."""
    backend = sqs_backends[ACCOUNT_ID][region]
    attributes: dict[str, Any] = {"VisibilityTimeout": str(QUEUE_VISIBILITY_TIMEOUT)}
    if name in backend.queues:
        backend.set_queue_attributes(name, attributes)
    else:
        backend.create_queue(name, None, **attributes)


def remove_queue(region: str, name: str) -> None:
    """Remove a queue with what is in it, if there is one."""
    backend = sqs_backends[ACCOUNT_ID][region]
    if name in backend.queues:
        backend.delete_queue(name)


def _create_bucket(region: str, name: str) -> None:
    backend = s3_backends[ACCOUNT_ID]["aws"]
    if name in backend.buckets:
        return
    bucket = backend.create_bucket(name, region)
    # MWAA accepts no other bucket: versioning on and every kind of public access blocked.
    backend.put_bucket_versioning(name, "Enabled")
    bucket.public_access_block = PublicAccessBlock(True, True, True, True)


def _create_secret(region: str, secret: Secret) -> None:
    backend = secretsmanager_backends[ACCOUNT_ID][region]
    if secret.name not in backend.secrets:
        backend.create_secret(
            name=secret.name,
            secret_string=secret.value,
            secret_binary=None,
            description=DESCRIPTION,
            tags=None,
            kms_key_id=None,
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
