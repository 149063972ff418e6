from airflow.hooks.base import BaseHook
from airflow.models import BaseOperator


class FileHook(BaseHook):
    pass


class CopyFiles(BaseOperator):
    pass
