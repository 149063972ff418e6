"""How the AWS endpoint is started in a container, and what the containers of the roles are told of AWS."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mwaa_local.aws.access_keys import REQUIRE_VARIABLE, own_key
from mwaa_local.aws.account import (
    QUEUE_PATH,
    bucket_name,
    celery_broker_url,
    celery_queue_name,
    celery_queue_url,
    statsd_prefix,
)
from mwaa_local.aws.environment import aws_environment, celery_environment
from mwaa_local.aws.environment_settings import SETTINGS_VARIABLE, settings_text
from mwaa_local.aws.web_doors.settings import (
    KEY_VARIABLE,
    DoorSettings,
    door_arguments,
    web_variables,
)
from mwaa_local.catalog import MwaaVersion
from mwaa_local.cli.trust import ensure_certificate
from mwaa_local.config import AwsKind, EnvironmentConfig
from mwaa_local.environment_stack import Ports
from mwaa_local.errors import UsageError
from mwaa_local.runtime.cache_folder import cache_folder
from mwaa_local.runtime.compose_preparation import ENDPOINT, ContainerAwsPlan
from mwaa_local.runtime.host import AwsPlan
from mwaa_local.runtime.state import Secrets
from mwaa_local.settings_rules import StatsdAddress
from mwaa_local.stack_workers import FOLDER_VARIABLE

STATE = Path("/state/aws")
WORKERS = Path("/run/mwaa-local")
HERE = "http://127.0.0.1:4566"
"""The endpoint as it reaches itself."""
AUTHORITY = Path("/authority")
COMMANDS = Path("/run/mwaa-local-commands/commands.sock")
"""On a volume that web server and endpoint share: a socket in a folder of the host would not work everywhere."""
MOUNTED = PurePosixPath("/run/mwaa-local-files")
PASSED_ON = ("MWAA_LOCAL_STRICT_SUPPORT", "MWAA_LOCAL_REALISTIC_TIMES")


class ContainerAws:
    """Plans the endpoint of an environment in containers."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @property
    def authority(self) -> Path:
        """Return the folder of the local authority, made if there is none: containers cannot replace it."""
        return ensure_certificate(cache_folder(self._environ, Path.home())).parent

    def plan(
        self, config: EnvironmentConfig, version: MwaaVersion, ports: Ports, secrets: Secrets
    ) -> ContainerAwsPlan:
        """Return the plan; UsageError for a profile, whose credentials stay on the host."""
        if config.aws.kind is AwsKind.PROFILE:
            raise UsageError(
                f"Containers cannot use the profile {config.aws.profile}: its credentials stay on this machine.",
                hint="use the native runtime (--runtime native), or --aws local",
            )
        queue = celery_queue_name(secrets.environment_id)
        queue_url = celery_queue_url(ENDPOINT, queue)
        key = own_key(self._environ)
        variables = aws_environment(config.aws, ENDPOINT, config.region)
        if config.aws.kind is AwsKind.LOCAL:
            variables |= {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret}
        doors = self._doors(config, version, ports)
        mounts = self._mounts(config)
        plan = AwsPlan(
            command=(*self._arguments(config, version, secrets, mounts), *door_arguments(doors)),
            endpoint_environment=tuple(self._endpoint_environment(config, secrets, mounts).items()),
            broker_url=celery_broker_url(ENDPOINT, key.id, key.secret),
            queue_name=queue,
            queue_url=queue_url,
            endpoint_url=ENDPOINT if config.aws.kind is AwsKind.LOCAL else None,
            variables=tuple({**variables, **celery_environment(queue, queue_url)}.items()),
            web_variables=web_variables(doors, secrets.token_key),
            figures_url=f"{HERE}{QUEUE_PATH}?queue={queue}",
            statsd=StatsdAddress("aws", 4566, statsd_prefix("")),
        )
        return ContainerAwsPlan(plan, tuple(mounts.values()))

    def _arguments(
        self,
        config: EnvironmentConfig,
        version: MwaaVersion,
        secrets: Secrets,
        mounts: Mapping[str, tuple[Path, str]],
    ) -> list[str]:
        arguments = ["--listen", "0.0.0.0", "--served-as", "aws", "--web-host", "webserver"]  # noqa: S104
        arguments += ["--port", "4566", "--state", str(STATE), "--region", config.region]
        arguments += ["--queue", celery_queue_name(secrets.environment_id), "--airflow", version.airflow]
        arguments += ["--bucket", bucket_name(config.name, secrets.environment_id)]
        return arguments + (["--secrets", mounts["secrets"][1]] if "secrets" in mounts else [])

    def _endpoint_environment(
        self, config: EnvironmentConfig, secrets: Secrets, mounts: Mapping[str, tuple[Path, str]]
    ) -> dict[str, str]:
        variables = {name: self._environ[name] for name in PASSED_ON if name in self._environ}
        variables[KEY_VARIABLE] = secrets.token_key
        variables[FOLDER_VARIABLE] = str(WORKERS)
        variables[SETTINGS_VARIABLE] = settings_text(
            dict(config.airflow_options), config.environment_class, config.workers, config.schedulers
        )
        if "keys" in mounts:
            variables[REQUIRE_VARIABLE] = mounts["keys"][1]
        return variables

    def _mounts(self, config: EnvironmentConfig) -> dict[str, tuple[Path, str]]:
        """Return the files of the host that the endpoint reads, by what they are."""
        required = self._environ.get(REQUIRE_VARIABLE)
        files = {"secrets": config.secrets_file, "keys": Path(required) if required else None}
        return {
            name: (file.absolute(), str(MOUNTED / name / file.name)) for name, file in files.items() if file
        }

    def _doors(self, config: EnvironmentConfig, version: MwaaVersion, ports: Ports) -> DoorSettings:
        return DoorSettings(
            environment=config.name,
            version=version.airflow,
            port=ports.doors,
            web_port=ports.webserver,
            authority=AUTHORITY,
            state=STATE,
            commands=COMMANDS,
        )
