"""The Airflow UI over HTTP, logged in as a user is: the page with the list of DAGs (Airflow 2)."""

import re
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from bench.project import BenchProject

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
PATIENCE = 120.0
PAUSE = 0.05
DAG_FILE = """\
from datetime import datetime

from airflow import DAG

dag = DAG("{dag_id}", start_date=datetime(2024, 1, 1), catchup=False)
"""


class Visitor:
    """A browser without a screen."""

    def __init__(self, project: BenchProject) -> None:
        self._project = project
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def log_in(self) -> None:
        """Send the login form."""
        token = TOKEN.search(self.get("/login/"))
        if token is None:
            raise RuntimeError("The login page has no form.")
        form = {"csrf_token": token[1], "username": "admin", "password": self._project.password}
        data = urllib.parse.urlencode(form).encode()
        with self._opener.open(f"{self._project.url}/login/", data, timeout=30) as answer:
            if "/login" in answer.url:
                raise RuntimeError("The login was refused.")

    def get(self, path: str) -> str:
        """Return a page."""
        with self._opener.open(self._project.url + path, timeout=30) as answer:
            return str(answer.read().decode())


def seconds_to_visible(project: BenchProject, visitor: Visitor, dag_id: str) -> float:
    """Save a new DAG file; return how many seconds later the UI's own list of DAGs shows it."""
    file = project.folder / "dags" / f"{dag_id}.py"
    file.write_text(DAG_FILE.format(dag_id=dag_id))
    began = time.monotonic()
    while f"dag_id={dag_id}" not in visitor.get(f"/home?search={dag_id}"):
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"The DAG {dag_id} does not become visible.")
        time.sleep(PAUSE)
    took = time.monotonic() - began
    file.unlink()
    return took
