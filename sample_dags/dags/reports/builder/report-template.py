"""Counts the words of the report on $subject."""

from datetime import datetime

from airflow import DAG
from sample_operators import CountWordsOperator
from shared.versions import schedule

TEXT = "$text, {{ macros.sample_plugin.shout(ds) }}"

with DAG(
    "report_$subject",
    description="Counts the words of the report on $subject.",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args={"owner": "$owner"},
    tags=["sample", "$stage"],
    **schedule("$schedule"),
) as dag:
    CountWordsOperator(task_id="count_words", text=TEXT)
