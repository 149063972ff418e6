"""A project to measure: the sample project in a folder of its own, driven by the command line as a user does."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.timing import run_timed
from mwaa_local.catalog import data_folder

COMMAND = str(Path(sys.executable).with_name("mwaa-local"))


@dataclass(frozen=True, slots=True)
class BenchProject:
    """A copy of the sample project and the cache that its environment comes from."""

    folder: Path
    cache: Path
    version: str

    @classmethod
    def make(cls, folder: Path, cache: Path, version: str) -> "BenchProject":
        """Copy the sample project."""
        shutil.copytree(data_folder("sample_dags"), folder, ignore=shutil.ignore_patterns(".mwaa-local"))
        return cls(folder, cache, version)

    def run(self, *arguments: str) -> tuple[float, str]:
        """Run a command that must succeed; return how many seconds it took and what it printed."""
        variables = {"MWAA_LOCAL_CACHE": str(self.cache), "MWAA_LOCAL_VERSION": self.version}
        return run_timed([COMMAND, *arguments], self.folder, variables)

    def seconds(self, *arguments: str) -> float:
        """Return how many seconds a command takes."""
        return self.run(*arguments)[0]

    def read(self, *parts: str) -> dict[str, Any]:
        """Return a JSON file of the state folder."""
        document: dict[str, Any] = json.loads(self.folder.joinpath(".mwaa-local", *parts).read_text())
        return document

    @property
    def url(self) -> str:
        """Return the address of the Airflow UI."""
        return f"http://127.0.0.1:{self.read('run', 'start.json')['ports']['webserver']}"

    @property
    def password(self) -> str:
        """Return the password of the user `admin`."""
        return str(self.read("secrets.json")["admin_password"])

    def service(self, name: str) -> dict[str, Any]:
        """Return how a service of the last start was started."""
        services: list[dict[str, Any]] = self.read("run", "stack.json")["services"]
        return next(service for service in services if service["name"] == name)
