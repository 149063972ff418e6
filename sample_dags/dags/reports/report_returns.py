# Written by reports/builder/build_reports.py; change the template or reports.json.
"""Counts the words of the report on returns."""

from datetime import datetime

from airflow import DAG
from sample_operators import CountWordsOperator
from shared.versions import schedule

TEXT = "What came back in the week before, {{ macros.sample_plugin.shout(ds) }}"

with DAG(
    "report_returns",
    description="Counts the words of the report on returns.",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args={"owner": "support"},
    tags=["sample", "development"],
    **schedule("0 7 * * 1"),
) as dag:
    CountWordsOperator(task_id="count_words", text=TEXT)
