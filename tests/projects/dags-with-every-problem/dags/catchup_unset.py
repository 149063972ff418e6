from datetime import datetime, timedelta

from airflow import DAG

dag = DAG("catchup", start_date=datetime(2024, 1, 1), schedule_interval="@daily")
