from datetime import datetime, timedelta

from airflow import DAG
import subprocess

REVISION = subprocess.check_output(["git", "rev-parse", "HEAD"])
