from airflow import DAG
from airflow.hooks.base import BaseHook
BaseHook.get_connection("my_conn")
