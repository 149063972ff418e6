from datetime import datetime

from airflow import DAG
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

ORDERS = "s3://team-orders/incoming/"
ENDPOINT = {"key": "/not/of/a/bucket"}

with DAG("orders_of_s3", start_date=datetime(2024, 1, 1), catchup=False) as dag:

    def load():
        S3Hook().load_string("x", key="incoming/{{ ds }}.csv", bucket_name="team-orders")
        S3Hook().load_string("x", key=f"{ORDERS}x.csv", bucket_name="{{ var.value.bucket }}")
