from airflow import DAG, settings
from airflow.models import DagRun
settings.Session().query(DagRun).count()
