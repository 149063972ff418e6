from datetime import datetime, timedelta

from airflow import DAG
import boto3


def buckets():
    return boto3.client("s3").list_buckets()


if __name__ == "__main__":
    print(buckets())
