from datetime import datetime, timedelta

from airflow import DAG

dag = DAG("by_hand", start_date=datetime(2024, 1, 1), schedule_interval=None)
