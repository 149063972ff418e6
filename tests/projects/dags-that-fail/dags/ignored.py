from airflow import DAG
raise ValueError("never read")
