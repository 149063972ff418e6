"""Runs a startup script in a container of the version's image: sudo, apt-get and the like really run there."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.config import Project
from mwaa_local.docker_ports import ContainerOrder, DockerEngine
from mwaa_local.runtime.startup_script import WRAPPER, Ending, StartupRun, read_run, read_variables

HOME = "/usr/local/airflow"
_FOLDER = "startup-trial"
_LIMIT_OF_FOLDERS = 20 << 20
"""Bytes of dags/ or plugins/ that the script finds; a bigger folder is empty for it."""


@dataclass(frozen=True, slots=True)
class ContainerTrial:
    """What is run, and where."""

    image: str
    script: Path
    project: Project
    variables: Mapping[str, str] = field(repr=False)
    limit: float
    on_line: Callable[[str], None]


def run_in_container(engine: DockerEngine, trial: ContainerTrial) -> StartupRun:
    """Run the script once and return what it did; EngineError if there is no such container."""
    place = f"startup/{trial.script.name}"
    orders = {
        "wrapper": WRAPPER,
        "script": f"{HOME}/{place}",
        "variables": dict(trial.variables),
        "limit": trial.limit,
    }
    files = {
        f"{_FOLDER}/orders.json": json.dumps(orders).encode(),
        f"{_FOLDER}/out/.keep": b"",
        place: trial.script.read_bytes(),
        **dict(folder_files(trial.project.dags, "dags")),
        **dict(folder_files(trial.project.plugins, "plugins")),
    }
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        trial.on_line(line)

    with tempfile.TemporaryDirectory(prefix="mwaa-local-startup-") as scratch:
        out = Path(scratch)
        order = ContainerOrder(
            image=trial.image,
            command=("python3", "-m", "mwaa_inside.container_trial", f"{HOME}/{_FOLDER}"),
            folder=HOME,
            files=tuple(files.items()),
            outputs=f"{HOME}/{_FOLDER}/out",
            outputs_to=out,
        )
        outcome = engine.run(order, on_line)
        ending = Ending.COMPLETED if (out / "exports").exists() else Ending.EARLY
        if (out / "timed-out").exists():
            ending = Ending.TIMED_OUT
        before = read_variables(out / "before")
        return read_run(out, before, outcome.exit_code, "\n".join(lines), ending)


def folder_files(folder: Path | None, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder as a container gets them, below `name`; none of a big one."""
    if folder is None or not folder.is_dir():
        return
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    if sum(path.stat().st_size for path in files) <= _LIMIT_OF_FOLDERS:
        yield from ((f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()) for path in files)
