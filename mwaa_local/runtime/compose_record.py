"""What the Compose runtime notes of a start, for `status`, the next start and commands that join in."""

from mwaa_local.config import Project, RuntimeKind
from mwaa_local.runtime.airflow_home import generation_digest
from mwaa_local.runtime.compose_preparation import ComposePrepared
from mwaa_local.runtime.start_record import StartRecord


def build_record(prepared: ComposePrepared, project: Project, request: str, engine: str) -> StartRecord:
    """Return the record of a start; `engine` is where the engine listens."""
    loaded = prepared.parts.inputs.loaded
    config = loaded.config
    return StartRecord(
        project=str(project.root),
        environment=config.name,
        version=config.version,
        amazon_provider=config.amazon_provider,
        python="python3",
        packages=prepared.images.project,
        ports=prepared.ports,
        request=request,
        executor=str(config.executor),
        aws=str(config.aws.kind) + (f":{config.aws.profile}" if config.aws.profile else ""),
        runtime=RuntimeKind.COMPOSE.value,
        compose_project=prepared.name,
        engine=engine,
        environment_class=config.environment_class.value,
        generation=generation_digest(loaded, project),
    )
