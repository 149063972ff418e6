"""A branch, a retry, and a task that runs whatever happened before.

Trigger it with `{"size": 500}` to take the other branch, with `{"fail": true}` to see a run fail.
"""

from datetime import datetime, timedelta

from airflow import DAG
from shared.versions import BranchPythonOperator, PythonOperator, schedule


def read_settings(dag_run):
    """Return what the run was triggered with, defaults filled in."""
    given = dag_run.conf or {}
    return {"size": int(given.get("size", 10)), "fail": bool(given.get("fail", False))}


def choose(ti):
    """Return the task that fits the size."""
    return "process_large" if ti.xcom_pull(task_ids="read_settings")["size"] > 100 else "process_small"


def process(ti, chunk):
    """Return into how many parts the work is divided."""
    return -(-ti.xcom_pull(task_ids="read_settings")["size"] // chunk)


def call_unreliable_service(ti):
    """Fail at the first attempt, as a service that is sometimes away; for ever if the run asks for it."""
    if ti.xcom_pull(task_ids="read_settings")["fail"]:
        raise RuntimeError("The run was asked to fail.")
    if ti.try_number == 1:
        raise RuntimeError("The service is away; the next attempt will find it.")


def clean_up(ti):
    """Print what was done; runs after a failure too."""
    print(
        "parts:", [part for part in ti.xcom_pull(task_ids=["process_small", "process_large"]) or [] if part]
    )


def judge():
    """Succeed, and only run if everything before did."""
    print("all went well")


def tell(context):
    """Called when a task has failed for good; a real one would send a message."""
    print("failed:", context["task_instance"].task_id)


with DAG(
    "choices_and_failures",
    description="Branches, retries, cleans up.",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "sample", "on_failure_callback": tell},
    tags=["sample"],
    **schedule(None),
) as dag:
    settings = PythonOperator(task_id="read_settings", python_callable=read_settings)
    chosen = BranchPythonOperator(task_id="choose", python_callable=choose)
    small = PythonOperator(task_id="process_small", python_callable=process, op_kwargs={"chunk": 10})
    large = PythonOperator(task_id="process_large", python_callable=process, op_kwargs={"chunk": 100})
    called = PythonOperator(
        task_id="call_unreliable_service",
        python_callable=call_unreliable_service,
        retries=1,
        retry_delay=timedelta(seconds=1),
        # One of the two branches is always skipped.
        trigger_rule="none_failed_min_one_success",
    )
    cleaned = PythonOperator(task_id="clean_up", python_callable=clean_up, trigger_rule="all_done")
    # A run fails if its last tasks fail: a clean-up that succeeds must not hide a failure.
    judged = PythonOperator(task_id="judge", python_callable=judge)
    settings >> chosen >> [small, large] >> called >> [cleaned, judged]
