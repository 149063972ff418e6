"""Three tasks in a row. Each hands its result to the next one; none keeps a file, so any worker can run any of them."""

import os
from datetime import datetime, timedelta

from airflow import DAG
from shared.versions import PythonOperator, schedule


def greet():
    """Return the greeting that startup.sh exports."""
    return os.environ.get("SAMPLE_GREETING", "Hello without startup.sh")


def measure(ti):
    """Return how long the greeting is, in words."""
    # Imported here: the scheduler reads this file all the time and does not need the package.
    import humanize

    greeting = ti.xcom_pull(task_ids="greet")
    return humanize.apnumber(len(greeting)) if len(greeting) < 10 else humanize.intcomma(len(greeting))


def report(ti, logical_day):
    """Print what the other tasks have found out."""
    greeting, length = ti.xcom_pull(task_ids=["greet", "measure"])
    print(f"{logical_day}: {greeting!r} has {length} letters")


with DAG(
    "hello_pipeline",
    description="Greets, measures, reports.",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "sample", "retries": 1, "retry_delay": timedelta(seconds=10)},
    tags=["sample"],
    **schedule(None),
) as dag:
    greeted = PythonOperator(task_id="greet", python_callable=greet)
    measured = PythonOperator(task_id="measure", python_callable=measure)
    reported = PythonOperator(task_id="report", python_callable=report, op_kwargs={"logical_day": "{{ ds }}"})
    greeted >> measured >> reported
