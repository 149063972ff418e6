"""The MWAA API in this process, over buckets that are written down: for thousands of requests in seconds."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from mwaa_local.aws.access_keys import AccessKey, role_of
from mwaa_local.aws.mwaa_api.assembly import find_version, latest_version
from mwaa_local.aws.mwaa_api.backend import RestAnswer, RestCall, ThrottledError, Wish
from mwaa_local.aws.mwaa_api.customer_endpoints import CustomerEndpoints
from mwaa_local.aws.mwaa_api.doors import DoorsService
from mwaa_local.aws.mwaa_api.handler import MwaaApi
from mwaa_local.aws.mwaa_api.lifecycle import Outcome, finish
from mwaa_local.aws.mwaa_api.model import ApiModel
from mwaa_local.aws.mwaa_api.records import Environment
from mwaa_local.aws.mwaa_api.rules import World
from mwaa_local.aws.mwaa_api.service import EnvironmentsService, Surroundings
from mwaa_local.aws.mwaa_api.store import EnvironmentStore
from mwaa_local.aws.mwaa_api.work import Pace, Work

MODEL = ApiModel()
REGION = "us-east-1"
TODAY = date(2026, 11, 21)
NOW = 1_795_000_000.0
ARN = f"arn:aws:airflow:{REGION}:123456789012:environment/"

KEYS = {"nobody": AccessKey("nobody", role="-")}
"""Of a caller who may not open a web server."""

CREATION: dict[str, Any] = {
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
    "SourceBucketArn": "arn:aws:s3:::good",
    "DagS3Path": "dags",
    "NetworkConfiguration": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
    "AirflowVersion": "2.10.3",
}
"""The body of a creation that nothing is wrong with."""


@dataclass(frozen=True, slots=True)
class FakeBucket:
    """A bucket that is what a test says."""

    region: str = REGION
    is_versioned: bool = True
    blocks_public_access: bool = True
    versions: frozenset[tuple[str, str]] = frozenset()

    def has_version(self, key: str, version: str) -> bool:
        return (key, version) in self.versions


FILES = frozenset({("plugins.zip", "p1"), ("plugins.zip", "p2"), ("r.txt", "r1"), ("startup.sh", "s1")})
BUCKETS: Mapping[str, FakeBucket] = {
    "good": FakeBucket(versions=FILES),
    "elsewhere": FakeBucket(region="eu-west-1"),
    "unversioned": FakeBucket(is_versioned=False),
    "public": FakeBucket(blocks_public_access=False),
}


class IdleBackend:
    """EnvironmentBackend that a test steps by hand."""

    def apply(self, wish: Wish) -> str:
        return "localhost:8080"

    def remove(self, name: str) -> None:
        pass

    def token_key(self, name: str) -> bytes:
        return f"key of {name}".encode()

    def answers(self, name: str) -> bool:
        return True

    def call_rest_api(self, wish: Wish, call: RestCall) -> RestAnswer:
        if call.path == "/often":
            raise ThrottledError("more than 10 calls a second")
        return RestAnswer({"/bad": 404, "/broken": 503}.get(call.path, 200), {"path": call.path})

    def end(self) -> None:
        pass


class BreakableStore(EnvironmentStore):
    """Records on a disk, or in a program, that can be made to fail."""

    reading: Exception | None = None
    writing: OSError | None = None

    def names(self) -> tuple[str, ...]:
        if self.reading:
            raise self.reading
        return super().names()

    def get(self, name: str) -> Environment | None:
        if self.reading:
            raise self.reading
        return super().get(name)

    def put(self, environment: Environment) -> None:
        if self.writing:
            raise self.writing
        super().put(environment)


class WorkByHand(Work):
    """Work that is begun, and done when the test says so."""

    def begin(self, name: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client sees."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def error(self) -> str:
        """Return the error's code, "" for success."""
        return self.headers.get("x-amzn-errortype", "")

    @property
    def message(self) -> str:
        """Return the error's message."""
        return str(self.body.get("message", self.body.get("Message", "")))


@dataclass(slots=True)
class ApiSite:
    """An API with its own folder; nothing happens to an environment but what the test does."""

    folder: Path
    strict: bool = False
    store: BreakableStore = field(init=False)
    api: MwaaApi = field(init=False)

    def __post_init__(self) -> None:
        backend = IdleBackend()
        self.store = BreakableStore(self.folder / "environments.json")
        work = WorkByHand(self.store, backend, Pace(), CustomerEndpoints(lambda _: (), lambda: NOW))
        around = Surroundings(self._world, latest_version, lambda: NOW, backend.answers)
        environments = EnvironmentsService(MODEL, self.store, work, around)
        doors = DoorsService(environments, backend, lambda: NOW, partial(role_of, keys=KEYS))
        self.api = MwaaApi(MODEL, environments, doors, lambda name: name in BUCKETS)

    def _world(self) -> World:
        return World(REGION, TODAY, BUCKETS.get, find_version, self.strict)

    def send(self, method: str, target: str, body: Any = None, key: str = "key") -> Reply:
        """Send a request; a body that is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        status: list[Any] = []
        environ = {
            "REQUEST_METHOD": method,
            "REQUEST_URI": target,
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": io.BytesIO(content),
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={key}/20261121/us-east-1/airflow/aws4_request, x",
        }
        start: Callable[..., Any] = lambda line, headers: status.extend((line, headers))  # noqa: E731
        answer = b"".join(self.api(environ, start))
        return Reply(int(status[0].split()[0]), dict(status[1]), json.loads(answer))

    def create(self, name: str = "one", **changes: Any) -> Reply:
        """Send a creation; a change to None leaves the member out."""
        body = {key: value for key, value in {**CREATION, **changes}.items() if value is not None}
        return self.send("PUT", f"/environments/{name}", body)

    def update(self, name: str = "one", **settings: Any) -> Reply:
        """Send an update."""
        return self.send("PATCH", f"/environments/{name}", settings)

    def describe(self, name: str = "one") -> dict[str, Any]:
        """Return GetEnvironment's Environment."""
        environment: dict[str, Any] = self.send("GET", f"/environments/{name}").body["Environment"]
        return environment

    def finish(self, name: str = "one", error: str = "") -> None:
        """Let the work on an environment end."""
        environment = self.store.get(name)
        assert environment is not None
        after = finish(environment, Outcome(error, error, "" if error else "localhost:8080"))
        if after is None:
            self.store.remove(name)
        else:
            self.store.put(after)

    def made(self, name: str = "one", **changes: Any) -> "ApiSite":
        """Create an environment and let it become available."""
        reply = self.create(name, **changes)
        assert reply.status == 200, reply
        self.finish(name)
        return self
