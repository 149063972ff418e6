"""Names and addresses of an environment's local AWS account: its id, its Celery queue, its broker URL."""

import re
from urllib.parse import quote, urlsplit

ACCOUNT_ID = "123456789012"
ACCESS_KEY = "mwaa-local"
"""What the local endpoint is called with, unless credentials are required: see `access_keys`."""
SECRET_KEY = "mwaa-local"  # noqa: S105 - no secret: nothing checks it
HEALTH_PATH = "/_mwaa_local/health"
CREDENTIALS_PATH = "/_mwaa_local/credentials"
RELEASE_PATH = "/_mwaa_local/release"
"""POST ?consumer=KEY: what that consumer received and has not deleted becomes available again."""
QUEUE_PATH = "/_mwaa_local/queue"
"""GET ?queue=NAME: how many messages of that queue are in flight (running) and how many wait (queued)."""
ENVIRONMENTS = "environments"
"""In the endpoint's state folder: the projects of environments that the MWAA API has created, by name."""
ATTACHED = "attached.json"
"""In the state folder of an environment whose AWS is another endpoint: which one, and its queue there."""
TOKEN_VARIABLE = "MWAA_LOCAL_CREDENTIALS_TOKEN"  # noqa: S105 - a name
"""Where the endpoint process finds the token that callers of CREDENTIALS_PATH must present."""
QUEUE_VISIBILITY_TIMEOUT = 43200
"""Twelve hours, as on MWAA: the longest that a task may run (MWAA-FACTS 7)."""

LONGEST_PART = 40
"""So many characters of an environment's name fit into the 63 of a bucket's."""


def celery_queue_name(environment_id: str) -> str:
    """Return the name of an environment's Celery queue, in MWAA's form."""
    return f"airflow-celery-{environment_id}"


def environment_id_of(queue: str) -> str:
    """Return the id of the environment that a Celery queue belongs to."""
    return queue.removeprefix(celery_queue_name(""))


def statsd_prefix(environment_id: str = "") -> str:
    """Return what the names of an environment's metrics begin with; without an id, of the project's own.

    All environments send to the same port; MWAA's own prefix is `airflow`.
    """
    return f"airflow-{environment_id}" if environment_id else "airflow"


def bucket_name(environment: str, environment_id: str) -> str:
    """Return the name of an environment's bucket: S3 allows fewer characters, and fewer of them, than names have."""
    allowed = re.sub(r"[^a-z0-9]+", "-", environment.lower())[:LONGEST_PART].strip("-")
    return "-".join(filter(None, ("mwaa-local", allowed, environment_id)))


def celery_queue_url(endpoint_url: str, queue: str) -> str:
    """Return the URL by which SQS clients name `queue`."""
    return f"{endpoint_url}/{ACCOUNT_ID}/{queue}"


def celery_broker_url(endpoint_url: str, access_key: str = ACCESS_KEY, secret: str = SECRET_KEY) -> str:
    """Return the Celery broker URL of the endpoint."""
    address = urlsplit(endpoint_url).netloc
    return f"sqs://{quote(access_key, safe='')}:{quote(secret, safe='')}@{address}//"
