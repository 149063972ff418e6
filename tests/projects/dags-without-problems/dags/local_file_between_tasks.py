from datetime import datetime, timedelta

from airflow import DAG


def work():
    with open("/tmp/rows.csv", "w") as file:
        file.write("1")
    return open("/tmp/rows.csv").read()
