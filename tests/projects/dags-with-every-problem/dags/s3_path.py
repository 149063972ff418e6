from datetime import datetime

from airflow import DAG
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

ORDERS = "s3:/team-orders/incoming/"

with DAG("orders_of_s3", start_date=datetime(2024, 1, 1), catchup=False) as dag:

    def load():
        S3Hook().load_string("x", key="/incoming/x.csv", bucket_name="s3://Team_Orders")
