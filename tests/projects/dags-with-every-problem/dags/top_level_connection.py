from datetime import datetime, timedelta

from airflow import DAG
from airflow.hooks.base import BaseHook

HOST = BaseHook.get_connection("db").host
