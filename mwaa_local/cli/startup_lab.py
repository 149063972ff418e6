"""Runs a startup script in surroundings that are thrown away: HOME, AIRFLOW_HOME, and a copy of the environment."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.airflow_settings import RuntimeAddresses, build_airflow_settings, role_variables
from mwaa_local.catalog import Role
from mwaa_local.cli.app import App
from mwaa_local.cli.progress import Progress
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.docker_ports import DockerEngine
from mwaa_local.environment_stack import OwnFolders, base_variables
from mwaa_local.errors import UsageError
from mwaa_local.runtime.environment_copy import copy_environment
from mwaa_local.runtime.preparation import prepare_base, toolchain
from mwaa_local.runtime.sandbox import find_sandbox
from mwaa_local.runtime.startup_container import ContainerTrial, run_in_container
from mwaa_local.runtime.startup_script import Ending, StartupOptions, StartupRun, observe_startup_script
from mwaa_local.startup_report import StartupReport

COMPONENTS = ("scheduler", "worker", "webserver")

_USES_PYTHON = re.compile(r"\b(python[\d.]*|pip[\d.]*|airflow)\b")
_COPY_LIMIT = 20 << 20
"""Bytes of dags/ or plugins/ that are copied for the script; a bigger folder is empty for it."""

_CONTAINER_SIGNS = ("/.dockerenv", "/run/.containerenv")
PLACEHOLDERS = RuntimeAddresses(
    database_url="postgresql+psycopg2://airflow:airflow@127.0.0.1:5432/airflow",
    broker_url="sqs://127.0.0.1:5000",
    queue_name="airflow-celery-test",
    queue_url="http://127.0.0.1:5000/123456789012/airflow-celery-test",
    fernet_key="startup-script-test",
    webserver_secret_key="startup-script-test",  # noqa: S106
    webserver_host="127.0.0.1",
    webserver_port=8080,
    base_url="http://127.0.0.1:8080",
    aws_endpoint=None,
    airflow_home=Path("/usr/local/airflow"),
    logs=Path("/usr/local/airflow/logs"),
    cores=1,
)
"""Nothing listens there: a script has no business with the database or the queue."""


@dataclass(frozen=True, slots=True)
class StartupTest:
    """What to run, and how."""

    script: Path
    project: Project
    loaded: LoadedConfig
    limit: float
    run_system_commands: bool
    on_line: Callable[[str], None]


def choose_components(script: Path, asked: str | None) -> tuple[str, ...]:
    """Return the components to run for: the one that was asked for, or all that the script can tell apart."""
    if asked:
        return (asked,)
    varies = b"MWAA_AIRFLOW_COMPONENT" in script.read_bytes()
    return COMPONENTS if varies else COMPONENTS[:1]


def check_container(environ_says: str | None) -> None:
    """Refuse to run system commands on a machine that is no container."""
    if not environ_says and not any(Path(sign).exists() for sign in _CONTAINER_SIGNS):
        raise UsageError(
            "This is no container: sudo, yum and dnf of a startup script would change this machine.",
            hint="Leave --run-system-commands out; the commands are shown then.",
        )


def run_startup_test(app: App, test: StartupTest, component: str, progress: Progress) -> StartupReport:
    """Run the script once for a component and return what it did."""
    with _surroundings(app, test, component, progress) as (home, environment):
        sandbox = () if test.run_system_commands else find_sandbox(home, app.host.commands)
        if not sandbox and not test.run_system_commands:
            progress.warn(
                "This system gives no sandbox: what the script writes outside HOME by full paths, it really writes."
            )
        options = StartupOptions(test.limit, test.run_system_commands, test.on_line, home, sandbox)
        began = app.host.clock.monotonic()
        run = observe_startup_script(test.script, environment, app.host.commands, options)
        seconds = app.host.clock.monotonic() - began
    return replace(make_report(test, component, run, seconds, str(home)), sandboxed=bool(sandbox))


def run_startup_test_in_container(
    app: App, test: StartupTest, component: str, engine: DockerEngine, image: str
) -> StartupReport:
    """Run the script once for a component in a container that is thrown away, and return what it did."""
    settings = build_airflow_settings(test.loaded.version, test.loaded.config, test.project, PLACEHOLDERS, {})
    variables = {setting.name: setting.value for setting in settings}
    variables |= {setting.name: component for setting in role_variables(Role.SCHEDULER)}
    trial = ContainerTrial(image, test.script, test.project, variables, test.limit, test.on_line)
    began = app.host.clock.monotonic()
    run = run_in_container(engine, trial)
    return make_report(test, component, run, app.host.clock.monotonic() - began)


def make_report(
    test: StartupTest, component: str, run: StartupRun, seconds: float, home: str = ""
) -> StartupReport:
    """Return what a run did, with MWAA's paths instead of `home`."""

    def plain(text: str) -> str:
        return text.replace(home, "/usr/local/airflow") if home else text

    return StartupReport(
        component=component,
        exit_code=run.exit_code if run.exit_code >= 0 else 128 - run.exit_code,
        ended_early=run.ending is Ending.EARLY,
        timed_out=run.ending is Ending.TIMED_OUT,
        seconds=seconds,
        limit=test.limit,
        exported=tuple((name, plain(value)) for name, value in run.exports),
        removed=run.removed,
        unexported=tuple((name, plain(value)) for name, value in run.unexported),
        recorded=tuple(plain(command) for command in run.recorded),
        output=plain(run.output),
        sandboxed=False,
    )


@contextmanager
def _surroundings(
    app: App, test: StartupTest, component: str, progress: Progress
) -> Iterator[tuple[Path, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="mwaa-local-lab-", ignore_cleanup_errors=True) as scratch:
        root = Path(scratch)
        own = OwnFolders(root / "homes", root / "temporary")
        home = own.home("startup")
        for folder in (home, own.tmp("startup")):
            folder.mkdir(parents=True)
        for source, name in ((test.project.dags, "dags"), (test.project.plugins, "plugins")):
            _copy_small(source, home / name)
        python = _environment(app, test, root / "environment", progress)
        variables = base_variables(app.host.environ, own, "startup", python)
        settings = build_airflow_settings(
            test.loaded.version, test.loaded.config, test.project, PLACEHOLDERS, {}
        )
        variables |= {setting.name: setting.value for setting in settings}
        variables |= {setting.name: component for setting in role_variables(Role.SCHEDULER)}
        variables.pop("PIP_USER", None)  # pip refuses it in a virtual environment
        # A script that sets PATH anew would reach this machine's own pip.
        variables |= {"PIP_REQUIRE_VIRTUALENV": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        yield home, {**variables, "HOME": str(home), "AIRFLOW_HOME": str(home)}


def _environment(app: App, test: StartupTest, folder: Path, progress: Progress) -> Path:
    """Return an interpreter that may be changed; without an environment if the script needs none."""
    if not _USES_PYTHON.search(test.script.read_text(encoding="utf-8", errors="replace")):
        return folder / "bin" / "python"
    base = prepare_base(test.loaded, app.host, toolchain(app.host, progress), progress)
    folder.mkdir()
    return copy_environment(base.root, folder)


def _copy_small(source: Path | None, target: Path) -> None:
    target.mkdir()
    if source is None or not source.is_dir():
        return
    size = sum(file.stat().st_size for file in source.rglob("*") if file.is_file())
    if size <= _COPY_LIMIT:
        shutil.copytree(source, target, dirs_exist_ok=True, ignore_dangling_symlinks=True)
