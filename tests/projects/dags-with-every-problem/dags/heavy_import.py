from datetime import datetime, timedelta

from airflow import DAG
import pandas as pd

print(pd)
