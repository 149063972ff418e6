from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.amazon.aws.operators.s3_bucket import S3CreateBucketOperator

print(S3CreateBucketOperator)
