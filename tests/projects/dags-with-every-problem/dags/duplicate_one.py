from datetime import datetime, timedelta

from airflow import DAG

dag = DAG("twice", start_date=datetime(2024, 1, 1), catchup=False)
