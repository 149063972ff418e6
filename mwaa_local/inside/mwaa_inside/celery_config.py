"""Celery's configuration as MWAA shapes it: one predefined SQS queue, twelve hours of visibility, no remote control.

Airflow loads CELERY_CONFIG by the name in AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS. It reads MWAA_LOCAL_SQS_QUEUE (the
queue's name), MWAA_LOCAL_SQS_QUEUE_URL, AWS_REGION and, in a worker, MWAA_LOCAL_SERVICE (the worker's name); everything
else is Airflow's own default.
"""

import os
from urllib.parse import unquote, urlsplit

from celery.signals import celeryd_init

try:
    from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
except ImportError:
    # Before the celery provider took the executor over (Airflow up to 2.6).
    from airflow.config_templates.default_celery import DEFAULT_CELERY_CONFIG

VISIBILITY_TIMEOUT = 43200
# A long poll is answered as soon as there is a message, so its length only says how often an idle worker asks again.
# kombu gives a request up after 20 s, whatever this says: stay well below.
WAIT_TIME_SECONDS = 10


QUEUE = os.environ["MWAA_LOCAL_SQS_QUEUE"]


def _queue_settings():
    broker = urlsplit(DEFAULT_CELERY_CONFIG["broker_url"])
    return {
        "url": os.environ["MWAA_LOCAL_SQS_QUEUE_URL"],
        "access_key_id": unquote(broker.username or "mwaa-local"),
        "secret_access_key": unquote(broker.password or "mwaa-local"),
    }


def _broker_options():
    options = dict(DEFAULT_CELERY_CONFIG.get("broker_transport_options") or {})
    options.update(
        predefined_queues={QUEUE: _queue_settings()},
        is_secure=False,
        region=os.environ.get("AWS_REGION", "us-east-1"),
        visibility_timeout=VISIBILITY_TIMEOUT,
        wait_time_seconds=WAIT_TIME_SECONDS,
    )
    # Enough attempts for the endpoint to be restarted meanwhile.
    options["client-config"] = {"retries": {"max_attempts": 8}, "connect_timeout": 5}
    return options


CELERY_CONFIG = dict(
    DEFAULT_CELERY_CONFIG,
    broker_transport_options=_broker_options(),
    worker_enable_remote_control=False,
    task_default_queue=QUEUE,
    task_default_exchange=QUEUE,
)


@celeryd_init.connect
def receive_under_own_name(**_):
    """Have a worker receive under its own name, so that the endpoint knows whose messages to take back."""
    service = os.environ.get("MWAA_LOCAL_SERVICE")
    if service:
        settings = CELERY_CONFIG["broker_transport_options"]["predefined_queues"][QUEUE]
        settings["access_key_id"] += "~" + service
