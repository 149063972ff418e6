from airflow import DAG
from common.shared import VALUE

print(DAG, VALUE)
