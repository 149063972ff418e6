from datetime import datetime
from airflow import DAG
import sys
kw = {"schedule_interval": "99 99 * * *"}
try:
    dag = DAG("cron", start_date=datetime(2024,1,1), **kw)
except TypeError:
    dag = DAG("cron", start_date=datetime(2024,1,1), schedule="99 99 * * *")
