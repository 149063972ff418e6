"""doctor: checks this machine and says what to do where something is amiss."""

import json
import os
import resource
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from mwaa_local.catalog import DEFAULT_VERSION, MwaaVersion, list_versions, load_version
from mwaa_local.cli.app import App, make_app
from mwaa_local.cli.look import find_aws_credentials
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.render import WIDTH, is_coloured, paint, wrap
from mwaa_local.cli.runtimes import find_working_compose, is_environment_running
from mwaa_local.config import AwsKind, LoadedConfig, Project, RuntimeKind
from mwaa_local.errors import ProjectError
from mwaa_local.runtime.cache_contents import changed_files
from mwaa_local.runtime.cached_environments import list_cached
from mwaa_local.runtime.checks import (
    Check,
    ToolFact,
    Verdict,
    check_asked_port,
    check_clock,
    check_compose,
    check_credentials,
    check_edited,
    check_engine,
    check_explicit_interpreter,
    check_favourite_port,
    check_folder,
    check_interpreter,
    check_mwaa_paths,
    check_open_files,
    check_postgres,
    check_user,
    check_uv,
    render_bytes,
    worst,
)
from mwaa_local.runtime.database_user import refusal_of_namespaces
from mwaa_local.runtime.machine_facts import ask_engine, ask_version, find_python, look_at_folder, size_of
from mwaa_local.runtime.port_choice import WEBSERVER_FAVOURITE
from mwaa_local.runtime.postgres_binaries import BinarySearch, find_installed, least_major
from mwaa_local.runtime.sandbox import find_sandbox

COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}


@click.command()
@project_option
@json_option
def doctor_command(folder: Path, as_json: bool) -> int:
    """Check this machine: what a start needs, and what to do where something is amiss.

    Works outside of projects too. The exit code is 1 if there is a problem, else 0.
    """
    app = make_app()
    checks = list(Examination(app, *_project(app, folder)).run())
    if as_json:
        click.echo(
            json.dumps({"verdict": worst(checks), "checks": [asdict(check) for check in checks]}, indent=2)
        )
    else:
        click.echo(render_checks(checks, coloured=is_coloured()))
    return 1 if worst(checks) is Verdict.PROBLEM else 0


def render_checks(checks: Sequence[Check], *, coloured: bool) -> str:
    """Return a line for each check, and the hint where it is not ok."""
    margin = 11 + max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        verdict = paint(check.verdict.ljust(7), COLOURS[check.verdict], coloured=coloured)
        first, *more = wrap(check.found, WIDTH - margin)
        lines += [f"{verdict}  {check.name:<{margin - 9}}{first}", *(" " * margin + line for line in more)]
        if check.hint and check.verdict is not Verdict.OK:
            hints = wrap(f"-> {check.hint}", WIDTH - margin, rest="   ")
            lines += [" " * margin + line for line in hints]
    counts = [
        sum(check.verdict is verdict for check in checks) for verdict in (Verdict.PROBLEM, Verdict.WARNING)
    ]
    words = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in zip(counts, ("problem", "warning"), strict=True)
    ]
    return "\n".join([*lines, "", f"{words[0]}, {words[1]}."])


def _project(app: App, folder: Path) -> tuple[Project | None, LoadedConfig | None]:
    """Return the project, if we are in one; a broken configuration is an error of its own."""
    try:
        project = app.project(folder)
    except ProjectError:
        return None, None
    return project, app.load(project)


@dataclass(frozen=True, slots=True)
class Examination:
    """Gathers the facts and has them judged."""

    app: App
    project: Project | None
    loaded: LoadedConfig | None

    @property
    def version(self) -> MwaaVersion:
        """Return the version of the project, or the default one."""
        return self.loaded.version if self.loaded else load_version(DEFAULT_VERSION)

    def run(self) -> Iterator[Check]:
        """Yield every check."""
        host = self.app.host
        yield from self._interpreters()
        yield check_uv(ask_version(host.uv, host.commands))
        yield check_postgres(self._postgres())
        yield self._user()
        yield self._mwaa_paths()
        yield check_folder(look_at_folder("Cache", host.cache))
        yield Check("Cache size", Verdict.OK, render_bytes(size_of(host.cache)), "mwaa-local cache prune")
        for environment in list_cached(host.cache):
            changed = changed_files(environment.folder)
            if changed:
                yield check_edited(environment.folder.name, changed)
        if self.project is not None:
            yield check_folder(look_at_folder("Project", self.project.state))
        yield from self._ports()
        yield check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        yield check_clock(host.clock.now())
        yield check_engine(ask_engine(host.commands))
        needed = self.loaded is not None and self.loaded.config.runtime is RuntimeKind.COMPOSE
        yield check_compose(find_working_compose(host), needed=needed)
        yield self._credentials()

    def _interpreters(self) -> Iterator[Check]:
        host = self.app.host
        explicit = self.loaded.config.python if self.loaded else None
        if explicit is not None:
            yield check_explicit_interpreter(explicit, ask_version(explicit, host.commands))
        minors: dict[str, list[str]] = {}
        for version in map(load_version, list_versions()):
            minors.setdefault(version.python, []).append(version.airflow)
        needed = "" if explicit else self.version.airflow
        for minor, names in minors.items():
            found = find_python(minor, host.environ, host.commands)
            yield check_interpreter(minor, names, found, needed=needed)

    def _postgres(self) -> ToolFact:
        host = self.app.host
        explicit = host.environ.get("MWAA_LOCAL_POSTGRES")
        search = BinarySearch(
            explicit=Path(explicit) if explicit else None,
            path=tuple(Path(part) for part in host.environ.get("PATH", "").split(os.pathsep) if part),
            cache=host.cache,
            uv=(str(host.uv),),
            preferred=self.version.postgres_major,
            least=least_major(self.version.number),
        )
        found = find_installed(search, host.commands)
        if found is not None:
            return ToolFact(found.version, str(found.folder))
        return ToolFact(error=f"{explicit} does not hold a PostgreSQL that fits") if explicit else ToolFact()

    def _user(self) -> Check:
        if os.getuid() != 0:
            return check_user(is_root=False, refusal="")
        with tempfile.TemporaryDirectory() as folder:
            refusal = refusal_of_namespaces(self.app.host.commands, Path(folder))
        return check_user(is_root=True, refusal=refusal)

    def _mwaa_paths(self) -> Check:
        with tempfile.TemporaryDirectory() as folder:
            possible = bool(find_sandbox(Path(folder), self.app.host.commands))
        return check_mwaa_paths(
            wanted=self.loaded is None or self.loaded.config.mwaa_paths, possible=possible
        )

    def _ports(self) -> Iterator[Check]:
        is_free = self.app.host.port_finder.is_free
        config = self.loaded.config if self.loaded else None
        running = self.project is not None and is_environment_running(self.app, self.project)
        asked = {
            "webserver": config.webserver_port if config else None,
            "aws": config.aws_port if config else None,
            "postgres": config.postgres_port if config else None,
        }
        if asked["webserver"] is None and not running:
            yield check_favourite_port(WEBSERVER_FAVOURITE, free=is_free(WEBSERVER_FAVOURITE))
        for name, port in asked.items():
            if port is not None:
                yield check_asked_port(name, port, free=is_free(port), ours=running)

    def _credentials(self) -> Check:
        aws = self.loaded.config.aws if self.loaded else None
        profile = aws.profile if aws is not None and aws.kind is AwsKind.PROFILE else None
        method = find_aws_credentials(profile)
        return check_credentials(present=bool(method), needed_profile=profile, method=method)
