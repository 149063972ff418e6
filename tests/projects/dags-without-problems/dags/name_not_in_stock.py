from datetime import datetime, timedelta

from airflow import DAG
try:
    from airflow.providers.amazon.aws.operators.ecs import EcsOperator
except ImportError:
    from airflow.providers.amazon.aws.operators.ecs import ECSOperator as EcsOperator

print(EcsOperator)
