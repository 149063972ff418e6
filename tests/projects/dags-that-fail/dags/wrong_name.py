from airflow import DAG
import shared

print(DAG, shared)
