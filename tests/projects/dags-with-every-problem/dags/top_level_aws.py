from datetime import datetime, timedelta

from airflow import DAG
import boto3


def buckets():
    return boto3.client("s3").list_buckets()


for bucket in buckets():
    print(bucket)
