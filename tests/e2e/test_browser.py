"""The Airflow UI in a real browser: log in, see the DAG, trigger it, see it succeed, read the task's log.

MWAA_LOCAL_SCREENSHOTS names a folder for pictures of each step.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Screen, open_screen, ui_of
from tests.e2e.local_environment import VERSIONS, LocalEnvironment, sample_environment

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

DAG = "hello_pipeline"


@pytest.fixture(params=VERSIONS)
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalEnvironment]:
    with sample_environment(tmp_path_factory.mktemp("browser") / "sample", request.param) as made:
        made.start()
        yield made


@pytest.fixture
def screen(environment: LocalEnvironment) -> Iterator[Screen]:
    with open_screen(environment.url) as opened:
        yield opened


def test_a_dag_is_triggered_in_the_ui_and_its_log_is_read(
    environment: LocalEnvironment, screen: Screen
) -> None:
    ui = ui_of(environment.version, screen)

    ui.log_in(environment.password)
    ui.see_dag(DAG)
    screen.picture(f"{environment.version}-1-dags")

    ui.unpause_and_trigger(DAG)
    screen.picture(f"{environment.version}-2-triggered")

    ui.see_success(DAG, "report")
    screen.picture(f"{environment.version}-3-success")

    ui.open_log("report")
    expect(screen.page.get_by_text("'Hello from startup.sh' has 21 letters").first).to_be_visible()
    screen.picture(f"{environment.version}-4-log")
