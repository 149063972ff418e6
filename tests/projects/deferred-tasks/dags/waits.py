from datetime import datetime, timedelta

from airflow import DAG

from waiting.operators import LookTwice, Seen

with DAG("waits", start_date=datetime(2024, 1, 1), catchup=False, default_args={"owner": "team"}) as dag:
    look = LookTwice(task_id="look", place="s3://bucket/{{ ds }}/{{ params.name }}", params={"name": "x"})
    seen = Seen(task_id="seen")
    look >> seen
