from airflow import DAG
x = = 3
