"""Values for the shapes of the service model: good ones, ones at the edge of a constraint, and anything at all."""

import random
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from mwaa_local.aws.mwaa_api.constraints import compiled

GOOD = {
    "EnvironmentName": "one",
    "EnvironmentArn": "arn:aws:airflow:us-east-1:123456789012:environment/one",
    "IamRoleArn": "arn:aws:iam::123456789012:role/execution",
    "S3BucketArn": "arn:aws:s3:::good",
    "SubnetId": "subnet-1",
    "SecurityGroupId": "sg-1",
    "KmsKey": "alias/key",
    "ConfigKey": "core.parallelism",
    "AirflowVersion": "2.10.3",
    "EnvironmentClass": "mw1.small",
    "WeeklyMaintenanceWindowStart": "MON:03:30",
    "IdentityCenterStartUrl": "https://start",
    "IdentityCenterIdentityStoreId": "d-0123456789",
    "TeamNameString": "team",
    "RestApiPath": "/dags",
    "WebserverUrl": "https://host",
    "CloudWatchLogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:airflow-one-Task",
    "CeleryExecutorQueue": "arn:aws:sqs:us-east-1:123456789012:airflow-celery-one",
    "VpcEndpointServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1",
}
"""A good value for each shape whose pattern or meaning wants a certain one."""


def sample(shape: Shape) -> Any:
    """Return a good value with every member of every structure."""
    match shape:
        case StructureShape():
            if getattr(shape, "is_document_type", False):
                return {"any": ["thing", 1, None]}
            return {name: sample(member) for name, member in shape.members.items()}
        case ListShape():
            least = shape.metadata.get("min", 1) or 1
            return [sample(shape.member) for _ in range(least)]
        case MapShape():
            return {sample(shape.key): sample(shape.value)}
    return _scalar(shape)


def _scalar(shape: Shape) -> Any:
    if shape.metadata.get("enum"):
        return shape.metadata["enum"][0]
    values: dict[str, Any] = {"boolean": True, "integer": 2, "double": 1.5, "timestamp": 1795000000.0}
    return values.get(shape.type_name, GOOD.get(shape.name, "x"))


Path = tuple[str | int, ...]


def edges(shape: Shape, path: Path = ()) -> Iterator[tuple[Path, Shape, Any, bool]]:
    """Yield (where, shape, value, whether it is allowed) for every constraint below a shape, at both of its edges."""
    match shape:
        case StructureShape():
            if not getattr(shape, "is_document_type", False):
                for name, member in shape.members.items():
                    yield from edges(member, (*path, name))
        case ListShape():
            yield from _sizes(shape, path, lambda size: [sample(shape.member)] * size)
            yield from edges(shape.member, (*path, 0))
        case MapShape():
            yield from _sizes(
                shape, path, lambda size: {f"key{number}": sample(shape.value) for number in range(size)}
            )
            yield from edges(shape.value, (*path, sample(shape.key)))
        case _:
            yield from _scalar_edges(shape, path)


def _sizes(shape: Shape, path: Path, make: Any) -> Iterator[tuple[Path, Shape, Any, bool]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None:
        yield path, shape, make(least), True
        if least > 0:
            yield path, shape, make(least - 1), False
    if most is not None:
        yield path, shape, make(most), True
        yield path, shape, make(most + 1), False


def _scalar_edges(shape: Shape, path: Path) -> Iterator[tuple[Path, Shape, Any, bool]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "integer":
        if least is not None:
            yield from ((path, shape, least, True), (path, shape, least - 1, False))
        if most is not None:
            yield from ((path, shape, most, True), (path, shape, most + 1, False))
        return
    if shape.type_name != "string":
        return
    if shape.metadata.get("enum"):
        yield from ((path, shape, value, True) for value in shape.metadata["enum"])
        yield path, shape, "none of them", False
        return
    text, pattern = str(_scalar(shape)), shape.metadata.get("pattern")
    if least:
        yield path, shape, "", False
    if most is not None:
        longest = text + text[-1] * (most - len(text))
        if not pattern or compiled(pattern).fullmatch(longest):
            yield from ((path, shape, longest, True), (path, shape, longest + text[-1], False))
    if pattern and not compiled(pattern).fullmatch("\n"):
        yield path, shape, "\n", False


def replaced(value: Any, path: Path, new: Any) -> Any:
    """Return a value with another one at a place inside."""
    if not path:
        return new
    first, *rest = path
    if isinstance(value, list):
        return [
            replaced(item, tuple(rest), new) if number == first else item for number, item in enumerate(value)
        ]
    return {**value, first: replaced(value.get(first), tuple(rest), new)}


ANYTHING: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 10**400, 1.5, "", " ", "x", "s3://x", "/", "\n", "\x00", "é" * 90, "a" * 2000,
    [], [None], ["x"] * 3, {}, {"": ""}, {"x": None}, {"a": {"b": {"c": []}}},
)  # fmt: skip


def anything(rng: random.Random, shape: Shape, wildness: float = 0.1) -> Any:
    """Return a value that often suits a shape and sometimes does not."""
    if rng.random() < wildness:
        return rng.choice(ANYTHING)
    match shape:
        case StructureShape():
            if getattr(shape, "is_document_type", False):
                return rng.choice(ANYTHING)
            members = {
                name: anything(rng, member, wildness)
                for name, member in shape.members.items()
                if name in shape.required_members or rng.random() < 0.3
            }
            return members | ({"Unknown": 1} if rng.random() < wildness else {})
        case ListShape():
            return [anything(rng, shape.member, wildness) for _ in range(rng.choice((1, 2, 2, 3)))]
        case MapShape():
            return {sample(shape.key): anything(rng, shape.value, wildness)}
    if shape.type_name == "integer":
        return rng.choice((1, 2, 3, 5, 10, 25, 26))
    return rng.choice(shape.metadata["enum"]) if shape.metadata.get("enum") else _scalar(shape)
