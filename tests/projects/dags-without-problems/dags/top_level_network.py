from datetime import datetime, timedelta

from airflow import DAG
import requests


def work():
    return requests.get("https://example.com/config").json()
