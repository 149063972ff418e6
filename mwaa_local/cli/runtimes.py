"""Which runtime a command works with: the one that the environment was started with, or the one that is asked for."""

from typing import TYPE_CHECKING

from mwaa_local.cli.app import App
from mwaa_local.config import LoadedConfig, Project, RuntimeKind
from mwaa_local.errors import EngineError
from mwaa_local.runtime.backend import Runtime, StartProgress
from mwaa_local.runtime.checks import ToolFact
from mwaa_local.runtime.compose_project import ComposeProject
from mwaa_local.runtime.host import Host
from mwaa_local.runtime.start_record import load_record
from mwaa_local.runtime.state import StateFolder

if TYPE_CHECKING:
    from mwaa_local.runtime.compose import ComposeRuntime


def current_runtime(app: App, project: Project) -> Runtime:
    """Return the runtime of the last start, native where there was none; EngineError if its engine is silent."""
    return _compose(app, project) if _is_compose(project) else app.runtime(project)


def chosen_runtime(app: App, project: Project, loaded: LoadedConfig, progress: StartProgress) -> Runtime:
    """Return the runtime that is asked for, after what the other one runs has been stopped."""
    wants_compose = _wants_compose(app, project, loaded, progress)
    if wants_compose is not _is_compose(project):
        _leave(app, project, progress)
    return _compose(app, project) if wants_compose else app.runtime(project)


def destroy_environment(app: App, project: Project) -> bool:
    """Remove everything that is kept for a project, whichever runtimes it has had; False if there was nothing."""
    native = app.runtime(project)
    if not ComposeProject(StateFolder(project.state)).name():
        return native.destroy()
    compose = _compose(app, project)
    native.stop()
    return compose.destroy()


def is_environment_running(app: App, project: Project) -> bool:
    """Tell whether the environment runs; where its engine is silent, it does not."""
    try:
        return current_runtime(app, project).is_running()
    except EngineError:
        return False


def find_working_compose(host: Host) -> ToolFact:
    """Return the Compose of this machine with where its engine listens, or why none works."""
    from mwaa_local.cli.containers import connect_compose

    try:
        compose, address = connect_compose(host)
    except EngineError as error:
        return ToolFact(error=error.message)
    return ToolFact(compose.name, address)


def _leave(app: App, project: Project, progress: StartProgress) -> None:
    """Stop what the other runtime runs, and say what becomes of its data."""
    folder = StateFolder(project.state)
    if load_record(folder) is None:
        return
    other = current_runtime(app, project)
    if other.is_running():
        with progress.step("Stopping what runs, to start it with the other runtime"):
            other.stop()
    progress.note(
        "Each runtime has a metadata database of its own: what the other one's holds is kept there."
    )


def _wants_compose(app: App, project: Project, loaded: LoadedConfig, progress: StartProgress) -> bool:
    match loaded.config.runtime:
        case RuntimeKind.NATIVE:
            return False
        case RuntimeKind.COMPOSE:
            return True
        case RuntimeKind.AUTO:
            refusal = _refusal(app, project, loaded)
            chosen = f"native: {refusal}" if refusal else "Compose: an engine answers and has the images."
            progress.note(f"Runtime {chosen}")
            return not refusal


def _refusal(app: App, project: Project, loaded: LoadedConfig) -> str:
    """Say why `auto` does not take Compose; "" if it does. Nobody who did not ask for it waits for a build."""
    try:
        runtime = _compose(app, project)
        runtime.site.compose()
        missing = runtime.site.images.missing(loaded)
    except EngineError as error:
        return error.message
    if missing:
        build = f"mwaa-local build --version {loaded.version.airflow}"
        return f"the engine has no image {' and '.join(missing)} yet ({build})."
    return ""


def _is_compose(project: Project) -> bool:
    record = load_record(StateFolder(project.state))
    return record is not None and record.is_compose


def _compose(app: App, project: Project) -> "ComposeRuntime":
    # The engine's SDK takes a moment to import.
    from mwaa_local.cli.containers import make_compose_runtime

    return make_compose_runtime(project, app.host)
