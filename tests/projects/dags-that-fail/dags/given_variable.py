from airflow import DAG
from airflow.models import Variable

VALUE = Variable.get("given")
print(DAG)
