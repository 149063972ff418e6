from datetime import datetime, timedelta

from airflow import DAG
import requests


def work(host):
    return requests.post(host + "/api/v1/dags/x/dagRuns", json={})
