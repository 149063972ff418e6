from datetime import datetime, timedelta

from airflow import DAG

DB_PASSWORD = "correct-horse-battery"
