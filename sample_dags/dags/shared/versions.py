"""What has another name in another Airflow version, so that this project runs on all of them.

A project for one version imports these directly, and writes `schedule_interval=` (before 2.4) or `schedule=` itself.
The DAG files import `DAG` themselves: Airflow only reads files in which both words, "airflow" and "dag", occur.
"""

from airflow.version import version

try:
    from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
except ImportError:
    from airflow.operators.python import BranchPythonOperator, PythonOperator

__all__ = ["BranchPythonOperator", "PythonOperator", "schedule"]

_NUMBERS = tuple(int(part) for part in version.split(".")[:2])


def schedule(value):
    """Return the DAG argument that sets the schedule."""
    return {"schedule" if _NUMBERS >= (2, 4) else "schedule_interval": value}
