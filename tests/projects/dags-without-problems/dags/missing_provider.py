from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.http.hooks.http import HttpHook

print(HttpHook)
