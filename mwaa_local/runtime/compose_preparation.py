"""Everything that a start in containers gets ready before Compose is called: images, ports, settings, the files.

Nothing here starts a container of the environment.
"""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from mwaa_local.airflow_settings import Setting
from mwaa_local.catalog import MwaaVersion, Role
from mwaa_local.config import EnvironmentConfig, LoadedConfig, Project
from mwaa_local.docker_ports import ComposeProgram, Containers
from mwaa_local.environment_stack import Ports, role_probe
from mwaa_local.runtime.airflow_home import project_fingerprint
from mwaa_local.runtime.backend import StartProgress
from mwaa_local.runtime.compose_file import (
    HOME,
    ComposeImages,
    ComposeInputs,
    ComposePlaces,
    build_compose,
    render_compose,
    role_names,
)
from mwaa_local.runtime.compose_project import ComposeProject, give_file, make_folders, write_secrets
from mwaa_local.runtime.compose_settings import ContainerSettings, choose_user
from mwaa_local.runtime.host import AwsPlan, Host
from mwaa_local.runtime.port_choice import choose_ports
from mwaa_local.runtime.preparation import needs_permissions
from mwaa_local.runtime.state import Secrets, StateFolder, ensure_secrets, require_room, write_private
from mwaa_local.runtime.worker_duties import ScalingOrder, write_order
from mwaa_local.stack import HttpProbe, PostgresProbe, Probe, ServiceSpec, Stack, WorkerScaling
from mwaa_local.stack_workers import NO_ROLLOVER, Rollover, worker_scaling

ENDPOINT = "http://aws:4566"
"""The local AWS as containers reach it."""


class ImageSource(Protocol):
    """Where the images of an environment come from."""

    def missing(self, loaded: LoadedConfig) -> tuple[str, ...]:
        """Return which images the engine has not got, in words: those that take minutes to build."""
        ...

    def ensure(self, loaded: LoadedConfig, progress: StartProgress) -> ComposeImages:
        """Return the images without a project's requirements, built where the engine has not got them.

        ImageBuildError says what failed.
        """
        ...

    def ensure_project(self, airflow: str, order: "ProjectOrder", progress: StartProgress) -> str:
        """Return the image with the project's requirements: on `airflow`, or that itself where there are none.

        RequirementsError, unless the project goes on without what cannot be installed.
        """
        ...

    def find_version(self, airflow: str) -> str | None:
        """Return an image with this Airflow that the engine has, None if it has none."""
        ...

    def discard(self, image: str) -> None:
        """Remove the image of a project, unless another one uses it."""
        ...


@dataclass(frozen=True, slots=True)
class ProjectOrder:
    """Whose requirements are installed, and what `${NAME}` in them stands for."""

    loaded: LoadedConfig
    project: Project
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ContainerAwsPlan:
    """How the endpoint is started in a container, and what of the host it reads."""

    plan: AwsPlan
    """Its command is the endpoint's arguments."""
    mounts: tuple[tuple[Path, str], ...]


class ContainerAwsPlanner(Protocol):
    """Plans the AWS endpoint of an environment in containers."""

    @property
    def authority(self) -> Path:
        """Return the folder of the local authority on the host, which exists."""
        ...

    def plan(
        self, config: EnvironmentConfig, version: MwaaVersion, ports: Ports, secrets: Secrets
    ) -> ContainerAwsPlan:
        """Return the plan; UsageError for what containers cannot do."""
        ...


@dataclass(frozen=True, slots=True)
class ComposeSite:
    """What the Compose runtime needs from outside, beside what the native one does."""

    address: str
    """Where the engine listens."""
    containers: Containers
    compose: Callable[[], ComposeProgram]
    """EngineError where there is none; only what starts something needs it."""
    images: ImageSource
    aws: ContainerAwsPlanner
    client: tuple[str, ...]
    """The program that runs commands in containers; empty where there is none."""
    postgres_answers: Callable[[int], bool]
    user: tuple[int, int]
    """The host's user and group."""


@dataclass(frozen=True, slots=True)
class ComposePrepared:
    """A Compose file that can be brought up, and what is known about it."""

    name: str
    stack: Stack
    parts: "ComposeParts"
    fingerprint: str

    @property
    def ports(self) -> Ports:
        """Return its ports."""
        return self.parts.inputs.ports

    @property
    def images(self) -> ComposeImages:
        """Return its images."""
        return self.parts.inputs.images

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Return the effective settings."""
        return self.parts.settings.settings()


@dataclass(frozen=True, slots=True)
class ComposeTarget:
    """Under which name, on which ports, from which images and where containers are to run."""

    name: str
    ports: Ports
    images: ComposeImages
    places: ComposePlaces
    run_id: str
    rollover: Rollover = NO_ROLLOVER


@dataclass(frozen=True, slots=True)
class ComposeParts:
    """What the file and the private files beside it are made of."""

    inputs: ComposeInputs
    settings: ContainerSettings
    scaling: WorkerScaling | None = None

    def with_requirements(self, source: ImageSource, progress: StartProgress) -> "ComposeParts":
        """Return the same with the image that has the project's requirements, built where it is missing."""
        inputs = self.inputs
        order = ProjectOrder(inputs.loaded, inputs.project, self.settings.install_variables())
        image = source.ensure_project(inputs.images.airflow, order, progress)
        return replace(self, inputs=replace(inputs, images=replace(inputs.images, project=image)))

    def write(self, file: Path) -> None:
        """Write the Compose file and the private files, and make what containers write."""
        places = self.inputs.places
        make_folders(places.state, places.authority, self.settings.user)
        write_secrets(places.secrets, self.settings)
        order = write_order(places.state / "run" / "beats", self._scaling_order())
        if order is not None:
            give_file(order, self.settings.user)
        write_private(file, self.render())

    def render(self) -> str:
        """Return the Compose file's text."""
        return render_compose(build_compose(self.inputs), self.inputs.loaded.config)

    def _scaling_order(self) -> ScalingOrder | None:
        if self.scaling is None:
            return None
        return ScalingOrder(self.inputs.run_id, self.scaling, role_names(self.inputs, Role.WORKER))


@dataclass(frozen=True, slots=True)
class ComposeTask:
    """Whose environment is prepared, as what, and with what."""

    loaded: LoadedConfig
    project: Project
    host: Host
    site: ComposeSite
    progress: StartProgress


def prepare_compose(
    task: ComposeTask, images: ComposeImages, *, run_id: str, rollover: Rollover = NO_ROLLOVER
) -> ComposePrepared:
    """Get everything ready but the files; an image of the project that is there costs next to nothing."""
    loaded, project, host, site, progress = task.loaded, task.project, task.host, task.site, task.progress
    folder = StateFolder(project.state)
    require_room(folder)
    kept = ComposeProject(folder)
    name = kept.ensure_name(loaded.config.name)
    ports = choose_ports(loaded.config, folder, host.port_finder, progress.note)
    target = ComposeTarget(name, ports, images, kept.places(site.aws.authority), run_id, rollover)
    parts = plan_compose(loaded, project, host, site, target).with_requirements(site.images, progress)
    images = parts.inputs.images
    fingerprint = project_fingerprint(project, f"{images.project} {name}")
    plain = project.plugins is None and images.project == images.airflow
    update = needs_permissions(kept.permissions, fingerprint, plain=plain)
    parts = replace(parts, settings=replace(parts.settings, update_permissions=update))
    return ComposePrepared(name, host_stack(parts, kept.beats), parts, fingerprint)


def plan_compose(
    loaded: LoadedConfig, project: Project, host: Host, site: ComposeSite, target: ComposeTarget
) -> ComposeParts:
    """Decide what the file says and what the containers are told."""
    folder = StateFolder(project.state)
    secrets = ensure_secrets(folder, host.new_fernet_key)
    machine = site.containers.machine()
    user = choose_user(*site.user, rootless=machine.rootless)
    aws = site.aws.plan(loaded.config, loaded.version, target.ports, secrets)
    settings = ContainerSettings(loaded, project, target.ports, secrets, aws.plan, user)
    inputs = ComposeInputs(
        loaded=loaded,
        project=project,
        name=target.name,
        ports=target.ports,
        images=target.images,
        places=target.places,
        aws_arguments=aws.plan.command,
        aws_mounts=aws.mounts,
        cpus=machine.cpus,
        run_id=target.run_id,
        rollover=target.rollover,
    )
    scaling = worker_scaling(loaded.config, aws.plan.figures_url, host.environ)
    return ComposeParts(inputs, settings, scaling)


def host_stack(parts: ComposeParts, beats: Path) -> Stack:
    """Return the services as they are seen from the host: how their health is asked, and where their AWS is."""
    inputs = parts.inputs
    ports = inputs.ports
    specs = [
        _spec(parts, "postgres", "", PostgresProbe(ports.postgres)),
        _spec(parts, "aws", "", HttpProbe(f"http://127.0.0.1:{ports.aws}/_mwaa_local/health")),
    ]
    for role in inputs.loaded.version.roles:
        for name in role_names(inputs, role):
            probe = role_probe(inputs.loaded.version, ports, beats, role, name)
            specs.append(_spec(parts, name, str(role), probe))
    return Stack(tuple(specs), None, inputs.run_id, parts.scaling)


def _spec(parts: ComposeParts, name: str, role: str, probe: Probe) -> ServiceSpec:
    here = f"http://127.0.0.1:{parts.inputs.ports.aws}"
    variables = {
        name: value.replace(ENDPOINT, here)
        for name, value in parts.settings.aws.variables
        if name.startswith("AWS_")
    }
    return ServiceSpec(
        name=name,
        role=role,
        command=("python3",),
        forked=False,
        environment=tuple(sorted(variables.items())) if role else (),
        cwd=HOME,
        log=str(parts.inputs.places.state / "logs" / f"{name}.log"),
        probe=probe,
        needs=("postgres", "aws") if role else (),
        stop_signal=signal.SIGTERM,
        stop_grace=10.0,
    )
