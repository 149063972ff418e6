from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonVirtualenvOperator


def work():
    """Do nothing."""


with DAG("own_environment", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    PythonVirtualenvOperator(task_id="work", python_callable=work, requirements=["polars"])
