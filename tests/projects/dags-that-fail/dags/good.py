from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("good", start_date=datetime(2024, 1, 1), catchup=False, default_args={"owner": "team", "retries": 1}) as dag:
    BashOperator(task_id="a", bash_command="ls")
