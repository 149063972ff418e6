from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("long", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    BashOperator(task_id="a", bash_command="ls", execution_timeout=timedelta(days=1))
