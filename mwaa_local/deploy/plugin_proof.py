"""Proves a plugins.zip: unpacks it as MWAA does, and lets the version's own plugin manager load it."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.deploy.unpacking import unpack_archive
from mwaa_local.errors import CommandError
from mwaa_local.plugin_report import (
    ImportFailure,
    PluginModule,
    PluginProblem,
    PluginReport,
    RegisteredPlugin,
)
from mwaa_local.ports import CommandRunner

LIMIT = 120.0
"""Seconds that loading may take."""

_MARK = '{"mwaa_local": "plugins"'


@dataclass(frozen=True, slots=True)
class ProofSite:
    """Where a zip lies unpacked, in an AIRFLOW_HOME of its own."""

    home: Path

    @property
    def plugins(self) -> Path:
        """Return the plugins folder."""
        return self.home / "plugins"


@contextmanager
def unpacked_archive(file: Path) -> Iterator[ProofSite]:
    """Unpack an archive into a folder that is thrown away afterwards."""
    with tempfile.TemporaryDirectory(prefix="mwaa-local-plugins-") as scratch:
        site = ProofSite(Path(scratch, "airflow"))
        site.home.mkdir()
        unpack_archive(file, site.plugins)
        yield site


def load_plugins(
    site: ProofSite, python: Path, inside: Path, commands: CommandRunner, variables: Mapping[str, str]
) -> PluginReport:
    """Load the plugins of a site in the environment of `python`, and return what came of it."""
    environment = {
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "AWS_EC2_METADATA_DISABLED": "true",
        **variables,
        "HOME": str(site.home),
        "AIRFLOW_HOME": str(site.home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(site.plugins),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "PYTHONPATH": str(inside),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        result = commands.run(
            [str(python), "-m", "mwaa_inside.plugin_report"],
            env=environment,
            cwd=site.home,
            stdin=json.dumps({"folder": str(site.plugins)}),
            timeout=LIMIT,
        )
    except CommandError as error:
        return PluginReport(died=error.message)
    shown = result.stdout.replace(str(site.home), "/usr/local/airflow")
    events = [json.loads(line) for line in shown.splitlines() if line.startswith(_MARK)]
    if not events or events[-1]["event"] != "end":
        last = " ".join(result.stderr.strip().splitlines()[-3:])[-500:]
        return PluginReport(
            died=f"the process ended with exit code {result.exit_code}: {last or 'no output'}"
        )
    return parse_report(events)


def parse_report(events: Sequence[Mapping[str, Any]]) -> PluginReport:
    """Turn the events of the program inside into a report."""
    modules, plugins, problems, fatal = [], [], [], None
    for event in events:
        match event["event"]:
            case "file":
                failure = _parse_failure(event["error"])
                modules.append(
                    PluginModule(event["name"], float(event["seconds"]), failure, _pairs(event["defines"]))
                )
            case "plugin":
                plugins.append(RegisteredPlugin(event["name"], event["file"], _pairs(event["registers"])))
            case "problem":
                problems.append(PluginProblem(event["message"], event["file"]))
            case "end":
                fatal = _parse_failure(event["fatal"])
    return PluginReport(tuple(modules), tuple(plugins), tuple(problems), fatal)


def _parse_failure(values: Mapping[str, Any] | None) -> ImportFailure | None:
    if values is None:
        return None
    return ImportFailure(
        kind=values["type"],
        message=values["message"],
        missing=values["missing"],
        exits=bool(values["exits"]),
        file=values["file"],
        line=values["line"],
    )


def _pairs(values: Mapping[str, Sequence[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(each)) for name, each in values.items())
