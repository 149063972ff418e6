from datetime import datetime, timedelta

from airflow import DAG
from airflow.models import Variable
from airflow.operators.python import PythonOperator


def work():
    return Variable.get("bucket")


with DAG("variable", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    PythonOperator(task_id="a", python_callable=work, op_args=["{{ var.value.bucket }}"])
