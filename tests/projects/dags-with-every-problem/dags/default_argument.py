from datetime import datetime

from airflow import DAG

default_args = {"owner": "team", "catchup": False, "schedule_interval": "@daily"}
dag = DAG("misplaced", start_date=datetime(2024, 1, 1), default_args=default_args, catchup=False)
