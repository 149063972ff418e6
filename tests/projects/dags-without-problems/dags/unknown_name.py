from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

print(S3Hook)
