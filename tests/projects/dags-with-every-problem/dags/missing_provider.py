from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

print(SnowflakeHook)
