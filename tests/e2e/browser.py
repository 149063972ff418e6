"""The Airflow UI as a person uses it, in a real headless Chromium: one class for each UI that Airflow has had."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.e2e.local_environment import eventually

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000
"""Milliseconds after which a test gives up."""
USER = "admin"


class AirflowUi(Protocol):
    """What a person does in the UI."""

    def log_in(self, password: str) -> None:
        """Log in as `admin`."""

    def see_dag(self, dag_id: str) -> None:
        """Find a DAG in the list."""

    def unpause_and_trigger(self, dag_id: str) -> None:
        """Switch a listed DAG on and trigger it."""

    def see_success(self, dag_id: str, task_id: str) -> None:
        """Watch a task of the run until it has succeeded."""

    def open_log(self, task_id: str) -> None:
        """Open the task's log."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A browser's page on an environment, with a place for pictures of it."""

    page: Page
    url: str
    pictures: Path | None

    def picture(self, name: str) -> None:
        """Keep what the page shows now, if somebody wants to look at it."""
        if self.pictures is not None:
            self.page.screenshot(path=str(self.pictures / f"{name}.png"))


class FlaskUi:
    """Airflow 2: pages of the server, and its login form."""

    def __init__(self, screen: Screen) -> None:
        self.page, self.url = screen.page, screen.url

    def log_in(self, password: str) -> None:
        self.page.goto(self.url)
        self.page.locator("#username").fill(USER)
        self.page.locator("#password").fill(password)
        self.page.get_by_role("button", name="Sign In").click()
        self.page.wait_for_url("**/home")

    def see_dag(self, dag_id: str) -> None:
        expect(self.page.locator("tr", has=self._link(dag_id))).to_be_visible()

    def switch_on(self, dag_id: str) -> None:
        row = self.page.locator("tr", has=self._link(dag_id))
        with self.page.expect_response(re.compile("/paused")):
            row.locator(".switch-label").click()
        row.get_by_label("Trigger DAG").click()

    def see_it_triggered(self, dag_id: str) -> None:
        expect(self.page.get_by_text(re.compile(f"Triggered {dag_id}.* it should start"))).to_be_visible()

    def _link(self, dag_id: str) -> Locator:
        return self.page.get_by_role("link", name=dag_id, exact=True)


class TreeUi(FlaskUi):
    """Airflow 2.2: graph and log are pages of their own."""

    def unpause_and_trigger(self, dag_id: str) -> None:
        self.switch_on(dag_id)
        self.page.get_by_role("button", name="Trigger DAG", exact=True).locator("visible=true").click()
        self.see_it_triggered(dag_id)

    def see_success(self, dag_id: str, task_id: str) -> None:
        # This page does not refresh itself where it was loaded while the run was still queued.
        eventually(lambda: self._has_succeeded(dag_id, task_id), "the graph shows the task's success")

    def open_log(self, task_id: str) -> None:
        self._node(task_id).click()
        self.page.locator("#btn_log").click()

    def _has_succeeded(self, dag_id: str, task_id: str) -> bool:
        self.page.goto(f"{self.url}/graph?dag_id={dag_id}")
        node = self._node(task_id)
        expect(node).to_be_visible()
        return "success" in (node.get_attribute("class") or "")

    def _node(self, task_id: str) -> Locator:
        return self.page.locator("g.node", has=self.page.get_by_text(task_id, exact=True))


class GridUi(FlaskUi):
    """Airflow 2.10: one page for a DAG, with a grid of its tasks."""

    def unpause_and_trigger(self, dag_id: str) -> None:
        self.switch_on(dag_id)
        self.see_it_triggered(dag_id)

    def see_success(self, dag_id: str, task_id: str) -> None:
        # Here too nothing refreshes itself where the page was loaded while the run was still queued.
        eventually(lambda: self._has_succeeded(dag_id, task_id), "the grid shows the task's success")

    def _has_succeeded(self, dag_id: str, task_id: str) -> bool:
        self.page.goto(f"{self.url}/dags/{dag_id}/grid")
        row = self.page.locator("tr", has=self.page.get_by_text(task_id, exact=True))
        row.locator("[data-testid=task-instance]").first.click()
        status = self.page.locator("tr", has_text="Status")
        expect(status).to_be_visible()
        return "success" in status.inner_text()

    def open_log(self, task_id: str) -> None:
        self.page.get_by_role("tab", name="Logs").click()


class ReactUi:
    """Airflow 3: an application in the browser."""

    def __init__(self, screen: Screen) -> None:
        self.page, self.url = screen.page, screen.url

    def log_in(self, password: str) -> None:
        self.page.goto(self.url)
        self.page.locator("input[name=username]").fill(USER)
        self.page.locator("input[name=password]").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("link", name="Dags").first.wait_for()

    def see_dag(self, dag_id: str) -> None:
        self.page.get_by_role("link", name="Dags").first.click()
        expect(self.page.get_by_role("link", name=dag_id, exact=True)).to_be_visible()

    def unpause_and_trigger(self, dag_id: str) -> None:
        self.page.get_by_role("link", name=dag_id, exact=True).click()
        self.page.get_by_role("button", name="Trigger").click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog.get_by_text(f"Unpause {dag_id} on trigger")).to_be_visible()
        dialog.get_by_role("button", name="Trigger").click()
        self.page.wait_for_url("**/runs/**")

    def see_success(self, dag_id: str, task_id: str) -> None:
        row = self.page.get_by_role("row", name=re.compile(task_id))
        expect(row).to_contain_text("success")

    def open_log(self, task_id: str) -> None:
        self.page.get_by_role("row", name=re.compile(task_id)).get_by_role("link").first.click()


def ui_of(version: str, screen: Screen) -> AirflowUi:
    """Return the UI of an Airflow version."""
    if version.startswith("3."):
        return ReactUi(screen)
    return TreeUi(screen) if version.startswith("2.2.") else GridUi(screen)


@contextmanager
def open_screen(url: str) -> Iterator[Screen]:
    """Open a page in Chromium; skip the test where there is none (CI must have it)."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        assert os.environ.get("CI") != "true", "there is no Chromium"
        pytest.skip("there is no Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        screen = Screen(page, url, pictures_folder())
        try:
            yield screen
        finally:
            screen.picture("last")
            browser.close()


def pictures_folder() -> Path | None:
    """Return the folder that MWAA_LOCAL_SCREENSHOTS names, made if need be."""
    given = os.environ.get("MWAA_LOCAL_SCREENSHOTS")
    if not given:
        return None
    folder = Path(given)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
