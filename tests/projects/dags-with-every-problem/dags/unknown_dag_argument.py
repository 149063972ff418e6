from datetime import datetime, timedelta

from airflow import DAG

dag = DAG("new", start_date=datetime(2024, 1, 1), schedule="@daily", catchup=False)
