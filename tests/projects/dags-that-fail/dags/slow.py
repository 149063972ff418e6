from airflow import DAG
import time
time.sleep(100)
