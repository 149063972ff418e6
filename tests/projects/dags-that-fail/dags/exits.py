from airflow import DAG
import sys
sys.exit(3)
