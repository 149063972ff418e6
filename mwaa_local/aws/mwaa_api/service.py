"""The operations that concern environments: what each one looks at, refuses, keeps and answers.

`doors` has the operations that open the web server; `handler` brings requests here.
"""

import base64
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mwaa_local.aws.mwaa_api.customer_endpoints import endpoint_services
from mwaa_local.aws.mwaa_api.errors import ApiError, invalid, not_found
from mwaa_local.aws.mwaa_api.lifecycle import Request, begin_delete, begin_update
from mwaa_local.aws.mwaa_api.model import ApiModel
from mwaa_local.aws.mwaa_api.records import USABLE, Environment, Status, Update, describe
from mwaa_local.aws.mwaa_api.rules import (
    MOST_ENVIRONMENTS,
    World,
    create_problems,
    immutable_problems,
    tag_problems,
    update_problems,
)
from mwaa_local.aws.mwaa_api.settings import Identity, created_settings, updated_settings
from mwaa_local.aws.mwaa_api.store import EnvironmentStore
from mwaa_local.aws.mwaa_api.work import Work

PAGE = 25
"""Names in an answer of ListEnvironments when the caller does not say."""
DEFAULT_STRATEGY = "FORCED"

Answer = Mapping[str, Any]
Publish = Callable[[Environment, Sequence[Mapping[str, Any]]], None]
"""Takes metrics of an environment as PublishMetrics brings them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One checked request: `unknown` are members of its body that the operation has not got."""

    operation: str
    parameters: Mapping[str, Any]
    access_key: str = ""
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the service needs beside its records."""

    world: Callable[[], World]
    """Looked at anew for each request."""
    latest_version: Callable[[], str]
    now: Callable[[], float]
    answers: Callable[[str], bool]
    """Tells whether the web server of an environment answers."""
    no_creation: str = ""
    """Why no environment can be created."""


class EnvironmentsService:
    """Environments as CreateEnvironment and its kin see them."""

    def __init__(
        self, model: ApiModel, store: EnvironmentStore, work: Work, surroundings: Surroundings
    ) -> None:
        self._store = store
        self._work = work
        self._around = surroundings
        self.home_files: Callable[[], Mapping[str, str]] = dict
        """Returns the settings of the project's own environment that name objects of its bucket."""
        self.publish: Publish = _forget
        shape = model.shape("CreateEnvironmentInput")
        self._of_creation = set(getattr(shape, "members", {}))

    def create_environment(self, call: Call) -> Answer:
        """Begin the creation of an environment."""
        if self._around.no_creation:
            raise invalid(self._around.no_creation)
        parameters, world = call.parameters, self._around.world()
        name = str(parameters["Name"])
        identity = Identity(name, uuid.uuid4().hex[:8], world.region)
        settings = created_settings(parameters, identity, self._around.latest_version())
        settings = {**settings, **endpoint_services(settings, identity.environment_id, world.region)}
        with self._store.locked():
            if self._store.get(name) is not None:
                raise invalid(f"Environment with name {name} already exists.")
            _refuse(create_problems(parameters, settings, world))
            if len(self._store.names()) >= MOST_ENVIRONMENTS:
                raise invalid(f"The limit of {MOST_ENVIRONMENTS} environments has been reached.")
            now = self._around.now()
            self._store.put(
                Environment(
                    name=name,
                    environment_id=identity.environment_id,
                    region=world.region,
                    created_at=now,
                    status=Status.CREATING,
                    settings=settings,
                    tags=dict(parameters.get("Tags", {})),
                    last_update=Update("PENDING", now),
                )
            )
        self._work.begin(name)
        return {"Arn": identity.arn}

    def all(self) -> tuple[Environment, ...]:
        """Return every environment."""
        found = (self._store.get(name) for name in self._store.names())
        return tuple(environment for environment in found if environment is not None)

    def get_environment(self, call: Call) -> Answer:
        """Describe an environment."""
        environment = self._shown(self.find(str(call.parameters["Name"])))
        if self._store.is_home(environment.name):
            environment = replace(environment, settings={**environment.settings, **self.home_files()})
        return {"Environment": describe(environment, _identity(environment).arn)}

    def list_environments(self, call: Call) -> Answer:
        """Return one page of the names."""
        names = self._store.names()
        token = call.parameters.get("NextToken")
        if token:
            last = _read_token(token)
            names = tuple(name for name in names if name > last)
        page = names[: call.parameters.get("MaxResults", PAGE)]
        more = len(page) < len(names)
        return {"Environments": list(page), "NextToken": _make_token(page[-1]) if more else None}

    def update_environment(self, call: Call) -> Answer:
        """Begin an update of an environment."""
        parameters = call.parameters
        with self._store.locked():
            environment = self._changeable(self.find(str(parameters["Name"])))
            identity = _identity(environment)
            settings = updated_settings(environment.settings, parameters, identity)
            request = Request(settings, str(parameters.get("WorkerReplacementStrategy", DEFAULT_STRATEGY)))
            updating = begin_update(environment, request, self._around.now())
            _refuse(immutable_problems(set(call.unknown), self._of_creation))
            _refuse(update_problems(parameters, settings, environment.settings, self._around.world()))
            self._store.put(updating)
        self._work.begin(environment.name)
        return {"Arn": identity.arn}

    def delete_environment(self, call: Call) -> Answer:
        """Begin the deletion of an environment."""
        with self._store.locked():
            environment = self._changeable(self.find(str(call.parameters["Name"])))
            self._store.put(begin_delete(environment))
        self._work.begin(environment.name)
        return {}

    def tag_resource(self, call: Call) -> Answer:
        """Add tags, or replace their values."""
        with self._store.locked():
            environment = self._changeable(self._find_arn(call))
            _refuse(tag_problems(environment.tags, call.parameters["Tags"]))
            self._store.put(replace(environment, tags={**environment.tags, **call.parameters["Tags"]}))
        return {}

    def untag_resource(self, call: Call) -> Answer:
        """Remove tags."""
        removed = set(call.parameters["tagKeys"])
        with self._store.locked():
            environment = self._changeable(self._find_arn(call))
            kept = {key: value for key, value in environment.tags.items() if key not in removed}
            self._store.put(replace(environment, tags=kept))
        return {}

    def list_tags_for_resource(self, call: Call) -> Answer:
        """Return the tags of an environment."""
        return {"Tags": dict(self._find_arn(call).tags)}

    def publish_metrics(self, call: Call) -> Answer:
        """Take metrics."""
        environment = self.find(str(call.parameters["EnvironmentName"]), refuse=invalid)
        self.publish(environment, call.parameters["MetricData"])
        return {}

    def find(self, name: str, refuse: Callable[[str], ApiError] = not_found) -> Environment:
        """Return an environment; ApiError if there is none of that name."""
        environment = self._store.get(name)
        if environment is None:
            raise refuse(f"Environment with name {name} not found.")
        return environment

    def _shown(self, environment: Environment) -> Environment:
        """Return an environment as it is shown: not available before its web server answers."""
        if environment.status in USABLE and not self._around.answers(environment.name):
            return replace(environment, status=Status.MAINTENANCE)
        return environment

    def _changeable(self, environment: Environment) -> Environment:
        if self._store.is_home(environment.name):
            raise invalid(
                f"Environment {environment.name} is the project's own: change the project's files and run "
                "`mwaa-local restart` instead."
            )
        return environment

    def _find_arn(self, call: Call) -> Environment:
        arn = str(call.parameters["ResourceArn"])
        environment = self._store.get(arn.partition(":environment/")[2])
        if environment is None or _identity(environment).arn != arn:
            raise not_found(f"Resource {arn} not found.")
        return environment


def _forget(_environment: Environment, _data: Sequence[Mapping[str, Any]]) -> None:
    """Do nothing with metrics, where nobody keeps them."""


def _identity(environment: Environment) -> Identity:
    return Identity(environment.name, environment.environment_id, environment.region)


def _refuse(problems: Iterable[str]) -> None:
    """Refuse the request for the first problem, as the service does."""
    for problem in problems:
        raise invalid(problem)


def _make_token(last: str) -> str:
    return base64.urlsafe_b64encode(f"after:{last}".encode()).decode()


def _read_token(token: str) -> str:
    try:
        text = base64.urlsafe_b64decode(token.encode("ascii")).decode()
    except ValueError:
        text = ""
    if not text.startswith("after:"):
        raise invalid("Invalid NextToken.")
    return text.removeprefix("after:")
