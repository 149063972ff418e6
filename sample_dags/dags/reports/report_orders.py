# Written by reports/builder/build_reports.py; change the template or reports.json.
"""Counts the words of the report on orders."""

from datetime import datetime

from airflow import DAG
from sample_operators import CountWordsOperator
from shared.versions import schedule

TEXT = "Orders of the day before, {{ macros.sample_plugin.shout(ds) }}"

with DAG(
    "report_orders",
    description="Counts the words of the report on orders.",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args={"owner": "sales"},
    tags=["sample", "development"],
    **schedule("0 6 * * *"),
) as dag:
    CountWordsOperator(task_id="count_words", text=TEXT)
