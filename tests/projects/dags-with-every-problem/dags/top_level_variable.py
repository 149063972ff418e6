from datetime import datetime, timedelta

from airflow import DAG
from airflow.models import Variable

BUCKET = Variable.get("bucket")
