from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.subdag import SubDagOperator

from parts import part

with DAG("outer", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    SubDagOperator(task_id="part", subdag=part("outer.part"))
