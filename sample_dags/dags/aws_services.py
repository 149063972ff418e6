"""S3, SQS and Secrets Manager, with plain boto3 and with Airflow's hook.

There is no address and no credential in this file: locally the calls reach the environment's own AWS, on MWAA the real
one. Started by hand only, because with real credentials it makes a bucket, a queue and a secret; every task can be
repeated, and finds what an earlier attempt has made.
"""

import json
import os
from contextlib import suppress
from datetime import datetime, timedelta

from airflow import DAG
from shared.versions import PythonOperator, schedule

NAME = os.environ.get("SAMPLE_AWS_NAME", "mwaa-local-sample")


def client(service):
    """Return a boto3 client of the environment's region."""
    import boto3

    return boto3.client(service)


def make_bucket():
    """Make the bucket unless it is there."""
    from botocore.exceptions import ClientError

    s3 = client("s3")
    try:
        s3.head_bucket(Bucket=NAME)
        return
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
    region = s3.meta.region_name
    # The oldest region must not be named, every other one must.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=NAME, **place)


def write_object(day):
    """Write an object through Airflow's connection; the same day writes the same object."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    key = f"reports/{day}.json"
    S3Hook(aws_conn_id="aws_default").load_string(
        json.dumps({"day": day}), key, bucket_name=NAME, replace=True
    )
    return key


def read_object(ti, day):
    """Read it back with boto3."""
    held = client("s3").get_object(Bucket=NAME, Key=ti.xcom_pull(task_ids="write_object"))["Body"].read()
    if json.loads(held) != {"day": day}:
        raise ValueError(f"unexpected content: {held!r}")
    print(held.decode())


def use_queue(day):
    """Send a message to a queue, receive it and delete it."""
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody=day)
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5).get(
        "Messages", []
    )
    for message in received:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return len(received)


def use_secret():
    """Store a secret unless it is there, and read it; its value is not printed."""
    secrets = client("secretsmanager")
    with suppress(secrets.exceptions.ResourceExistsException):
        secrets.create_secret(Name=NAME, SecretString=json.dumps({"user": "sample"}))
    return sorted(json.loads(secrets.get_secret_value(SecretId=NAME)["SecretString"]))


with DAG(
    "aws_services",
    description="Uses S3, SQS and Secrets Manager.",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "sample", "retries": 1, "retry_delay": timedelta(seconds=10)},
    tags=["sample", "aws"],
    **schedule(None),
) as dag:
    day = {"day": "{{ ds }}"}
    made = PythonOperator(task_id="make_bucket", python_callable=make_bucket)
    written = PythonOperator(task_id="write_object", python_callable=write_object, op_kwargs=day)
    read = PythonOperator(task_id="read_object", python_callable=read_object, op_kwargs=day)
    queued = PythonOperator(task_id="use_queue", python_callable=use_queue, op_kwargs=day)
    kept = PythonOperator(task_id="use_secret", python_callable=use_secret)
    made >> written >> read
    queued >> kept
