from datetime import datetime
from airflow import DAG
from airflow.operators.bash import BashOperator
with DAG("cyc", start_date=datetime(2024,1,1)) as dag:
    a = BashOperator(task_id="a", bash_command="x"); b = BashOperator(task_id="b", bash_command="x")
    a >> b >> a
