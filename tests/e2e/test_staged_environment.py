"""`start --from-stage`: what would be deployed runs, and the checkout is as it was."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.small_project import SmallProject

pytestmark = pytest.mark.airflow

DEPLOYMENT = """
[deployments.staging]
bucket = "orders"
dag_s3_path = "airflow/dags"
requirements_s3_path = "airflow/dags/requirements.txt"
"""


@pytest.fixture
def site(make_project: MakeProject) -> Iterator[SmallProject]:
    """The environment of a staged deployment, not started yet; the checkout's DAG file is broken since."""
    project = make_project("staged")
    config = project.folder / "mwaa-local.toml"
    config.write_text(config.read_text(encoding="utf-8") + DEPLOYMENT, encoding="utf-8")
    (project.folder / "requirements.txt").write_text("", encoding="utf-8")
    assert project.run("stage").returncode == 0
    for file in (project.folder / "dags").glob("*.py"):
        file.write_text("the checkout has moved on", encoding="utf-8")
    site = SmallProject(project.folder / "stage" / "staging.environment")
    site.folder.mkdir()
    yield site
    site.run("destroy", "--yes")
    assert not project.state.exists()


def test_what_is_staged_runs_and_not_what_lies_in_the_checkout(site: SmallProject) -> None:
    site.start("--from-stage", "../staging")
    ran = site.run("run", "quick")
    assert ran.returncode == 0, ran.stderr
    site.stop()
