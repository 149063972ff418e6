"""Checks the DAG files without our fixtures: `mwaa-local python -m unittest tests/test_dags.py`."""

# ruff: noqa: PT009 - the environment of a project has unittest, pytest only if requirements.txt asks for it

import sys
import unittest
from pathlib import Path

from airflow.models import DagBag

DAGS = Path(__file__).resolve().parent.parent / "dags"
# Airflow 3 puts the DAGs folder on the path only while it reads a bundle.
sys.path[:0] = [str(DAGS), str(DAGS / "reports" / "builder")]

from build_reports import render_all  # noqa: E402

EXPECTED = {
    "hello_pipeline": ["greet", "measure", "report"],
    "aws_services": ["make_bucket", "read_object", "use_queue", "use_secret", "write_object"],
    "choices_and_failures": [
        "call_unreliable_service",
        "choose",
        "clean_up",
        "judge",
        "process_large",
        "process_small",
        "read_settings",
    ],
    "report_orders": ["count_words"],
    "report_returns": ["count_words"],
}


class TestDags(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bag = DagBag(dag_folder=str(DAGS))  # MWAA, and so mwaa-local, loads no examples

    def test_every_file_imports(self):
        self.assertEqual(self.bag.import_errors, {})

    def test_the_dags_have_their_tasks(self):
        self.assertEqual({dag_id: sorted(dag.task_ids) for dag_id, dag in self.bag.dags.items()}, EXPECTED)

    def test_no_dag_catches_up(self):
        self.assertEqual([dag_id for dag_id, dag in self.bag.dags.items() if dag.catchup], [])


class TestReports(unittest.TestCase):
    def test_the_dag_files_are_what_the_builder_writes(self):
        for name, text in render_all("development").items():
            self.assertEqual((DAGS / "reports" / name).read_text(encoding="utf-8"), text)


if __name__ == "__main__":
    unittest.main()
