from datetime import datetime, timedelta

from airflow import DAG
import requests

CONFIG = requests.get("https://example.com/config").json()
