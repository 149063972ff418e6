# airflow
from builders import create_dag

create_dag("seen")
