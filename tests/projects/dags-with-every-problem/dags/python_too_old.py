from datetime import datetime, timedelta

from airflow import DAG
from zoneinfo import ZoneInfo


def work(zones: dict[str, ZoneInfo]):
    return zones
