"""Which modules a role of an Airflow version imports anyway, so that they can be imported before it starts.

All of them at once in the process that forks the roles, or a role's own in its container, while the database is being
made ready. Runs on Python 3.7 and up.
"""

import contextlib
import importlib

DATABASE = ("psycopg2", "sqlalchemy.dialects.postgresql")
AWS = ("boto3",)
CELERY = (
    "celery",
    "celery.bin.celery",
    "celery.app.log",
    "celery.worker.worker",
    "celery.concurrency.prefork",
    "kombu.transport.SQS",
    "celery.backends.database",
)
AIRFLOW = ("airflow", "airflow.cli.cli_parser")
DAG_BAG = ("airflow.models.dagbag",)
STORED_DAGS = ("airflow.models.serialized_dag",)
PROCESSOR = ("airflow.dag_processing.manager", "airflow.dag_processing.processor")
PARSING = (*AIRFLOW, *DAG_BAG, *STORED_DAGS, *PROCESSOR)
"""Of roles that read DAG files."""
USED_BY_DAGS = (
    "airflow.operators.bash",
    "airflow.operators.python",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.python",
    "airflow.providers.amazon.aws.hooks.base_aws",
)
"""What many DAG files import: each file is read in a process of its own, which would import it anew."""
PERMISSIONS_2 = (
    "airflow.www.security",
    "airflow.www.security_appless",
)
"""Imported for each DAG file, in the process that reads it, to write its DAGs' permissions."""
WEB_2 = (
    "airflow.www.app",
    "airflow.www.views",
    "airflow.www.extensions.init_views",
    "airflow.api_connexion.openapi",
    "flask_appbuilder",
    "gunicorn.app.base",
    "gunicorn.workers.sync",
)
SCHEDULER_2 = (
    "airflow.jobs.scheduler_job",
    "airflow.jobs.scheduler_job_runner",
    "airflow.cli.commands.scheduler_command",
    "airflow.executors.celery_executor",
    "airflow.providers.celery.executors.celery_executor",
)
WORKER_2 = (
    "airflow.jobs.local_task_job",
    "airflow.jobs.local_task_job_runner",
    "airflow.task.task_runner.standard_task_runner",
    "airflow.cli.commands.celery_command",
    "airflow.cli.commands.task_command",
    "airflow.executors.celery_executor",
    "airflow.providers.celery.executors.celery_executor",
    "airflow.providers.celery.cli.celery_command",
)
SCHEDULER_3 = (
    "airflow.jobs.scheduler_job_runner",
    "airflow.cli.commands.scheduler_command",
    "airflow.providers.celery.executors.celery_executor",
)
WEB_3 = ("airflow.api_fastapi.app",)
WORKER_3 = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.celery.executors.celery_executor",
    "airflow.providers.celery.cli.celery_command",
)
ALL_1 = (
    "airflow",
    "airflow.bin.cli",
    "airflow.jobs",
    "airflow.executors.celery_executor",
    "airflow.www_rbac.app",
    "gunicorn.app.base",
)
"""Before 2.0 the command line imports everything."""


def modules_to_preload(version):
    """Return the modules that the roles of this Airflow version import between them, the dearest first."""
    if version < (2,):
        return [*ALL_1, *DATABASE, *AWS, *CELERY]
    web, scheduler, worker = of_generation(version)
    webserver_command = ["airflow.cli.commands.webserver_command"] if version < (3,) else []
    return distinct(PARSING, web, scheduler, worker, webserver_command, DATABASE, AWS, CELERY)


def modules_of_role(role, version):
    """Return the modules that one role imports, and for one that reads DAG files what those import."""
    if version < (2,):
        return [*ALL_1, *DATABASE, *AWS]
    web, scheduler, worker = of_generation(version)
    permissions = PERMISSIONS_2 if version < (3,) else ()
    shown = (*AIRFLOW, *DAG_BAG, *STORED_DAGS) if version < (3,) else ("airflow",)
    return {
        "webserver": distinct(shown, web, DATABASE),
        "scheduler": distinct(PARSING, permissions, scheduler, DATABASE, AWS, USED_BY_DAGS),
        "worker": distinct(AIRFLOW, DAG_BAG, worker, DATABASE, AWS, CELERY),
        "dag-processor": distinct(PARSING, permissions, DATABASE, AWS, USED_BY_DAGS),
    }.get(role, list(AIRFLOW))


def of_generation(version):
    """Return what web server, scheduler and worker have of their own since 2.0."""
    return (WEB_2, SCHEDULER_2, WORKER_2) if version < (3,) else (WEB_3, SCHEDULER_3, WORKER_3)


def distinct(*lists):
    """Return the names of several lists, each once, in order."""
    return list(dict.fromkeys(name for names in lists for name in names))


def preload(names):
    """Import modules; one that this version does not have, or that fails, is the role's own affair."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
