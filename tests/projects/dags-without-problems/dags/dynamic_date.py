from datetime import datetime

from airflow import DAG


def work():
    return datetime.now()


dag = DAG("fixed", start_date=datetime(2024, 1, 1), catchup=False)
