from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.postgres.hooks.postgres import PostgresHook


def work():
    return PostgresHook("db").get_records("select name from tables")
