from datetime import datetime, timedelta

from airflow import DAG
import subprocess


def work():
    return subprocess.check_output(["ls"])
