from datetime import datetime, timedelta

from airflow import DAG


def work():
    import pandas as pd

    return pd.DataFrame()
