from datetime import datetime, timedelta

from airflow import DAG

default_args = {"owner": "team", "retries": 2, "retry_delay": timedelta(minutes=5), "depends_on_past": False}
dag = DAG("placed", start_date=datetime(2024, 1, 1), default_args=default_args, catchup=False)
