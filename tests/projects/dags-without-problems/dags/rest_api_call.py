from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.trigger_dagrun import TriggerDagRunOperator

with DAG("trigger", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    TriggerDagRunOperator(task_id="a", trigger_dag_id="x")
