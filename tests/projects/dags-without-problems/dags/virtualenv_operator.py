from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator


def work():
    """Do nothing."""


with DAG("no_environment", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    PythonOperator(task_id="work", python_callable=work)
