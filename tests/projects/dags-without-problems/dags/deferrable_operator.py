from datetime import datetime, timedelta

from airflow import DAG
from airflow.sensors.date_time import DateTimeSensor

with DAG("no_wait", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    DateTimeSensor(task_id="a", target_time="{{ ds }}", mode="reschedule")
