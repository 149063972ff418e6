from datetime import datetime, timedelta

from airflow import DAG
from airflow.utils.task_group import TaskGroup

with DAG("group", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    TaskGroup("part")
