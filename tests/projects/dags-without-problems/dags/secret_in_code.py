from datetime import datetime, timedelta

from airflow import DAG
import os

DB_PASSWORD = os.environ["DB_PASSWORD"]
SECRET_NAME = "airflow/connections/db"
PASSWORD = "{{ conn.db.password }}"
