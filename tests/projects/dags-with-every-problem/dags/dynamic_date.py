from datetime import datetime

from airflow import DAG

NOW = datetime.now()
dag = DAG("dynamic", start_date=NOW, catchup=False)
