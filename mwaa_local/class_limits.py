"""What an environment class gives a container on MWAA: vCPUs and memory (MWAA-FACTS 6.6)."""

from dataclasses import dataclass

from mwaa_local.catalog import Role
from mwaa_local.config import EnvironmentClass


@dataclass(frozen=True, slots=True)
class ContainerSize:
    """The CPUs and the gigabytes that a container gets."""

    cpus: int
    memory: int


@dataclass(frozen=True, slots=True)
class ClassContainers:
    """The containers of a class."""

    webserver: ContainerSize
    worker: ContainerSize
    scheduler: ContainerSize


CLASS_CONTAINERS: dict[EnvironmentClass, ClassContainers] = {
    # One container is worker and scheduler there; here each of the two gets what they share.
    EnvironmentClass.MICRO: ClassContainers(ContainerSize(1, 3), ContainerSize(1, 3), ContainerSize(1, 3)),
    EnvironmentClass.SMALL: ClassContainers(ContainerSize(1, 2), ContainerSize(1, 2), ContainerSize(1, 2)),
    EnvironmentClass.MEDIUM: ClassContainers(ContainerSize(1, 2), ContainerSize(2, 4), ContainerSize(2, 4)),
    EnvironmentClass.LARGE: ClassContainers(ContainerSize(2, 4), ContainerSize(4, 8), ContainerSize(4, 8)),
    EnvironmentClass.XLARGE: ClassContainers(
        ContainerSize(4, 12), ContainerSize(8, 24), ContainerSize(8, 24)
    ),
    EnvironmentClass.XXLARGE: ClassContainers(
        ContainerSize(8, 24), ContainerSize(16, 48), ContainerSize(16, 48)
    ),
}


def container_size(environment_class: EnvironmentClass, role: Role) -> ContainerSize:
    """Return what a role's container gets; triggerer and DAG processor live in the scheduler's on MWAA."""
    containers = CLASS_CONTAINERS[environment_class]
    match role:
        case Role.WEBSERVER:
            return containers.webserver
        case Role.WORKER:
            return containers.worker
        case Role.SCHEDULER | Role.TRIGGERER | Role.DAG_PROCESSOR:
            return containers.scheduler
