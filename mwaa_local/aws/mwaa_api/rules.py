"""What the service checks beyond its model: the bucket and its objects, versions, counts, options, quotas.

Each rule yields the messages of what it refuses; where the service's own wording is known, it is that.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from mwaa_local.aws.mwaa_api.records import Settings
from mwaa_local.aws.mwaa_api.settings import MICRO
from mwaa_local.config import EnvironmentClass
from mwaa_local.mwaa_version import MwaaVersion

MOST_ENVIRONMENTS = 10
MOST_WORKERS = 25
MOST_WEBSERVERS = 5
MOST_TAGS = 50
PUBLIC_AND_PRIVATE_FROM = (3, 2)

FILES = ("Plugins", "Requirements", "StartupScript")
"""The settings that name one object: <name>S3Path and <name>S3ObjectVersion."""

Parameters = Mapping[str, Any]


class Bucket(Protocol):
    """A bucket as the rules see it."""

    @property
    def region(self) -> str:
        """Return the region that it lies in."""
        ...

    @property
    def is_versioned(self) -> bool:
        """Tell whether it keeps versions."""
        ...

    @property
    def blocks_public_access(self) -> bool:
        """Tell whether all four blocks of public access are on."""
        ...

    def has_version(self, key: str, version: str) -> bool:
        """Tell whether an object has this version, and it is no delete marker."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """What the rules may look at beside the request."""

    region: str
    today: date
    buckets: Callable[[str], Bucket | None]
    version: Callable[[str], MwaaVersion | None]
    """An MWAA version by its number, None where MWAA never had it."""
    strict_support: bool
    """Refuse versions past their end of support, as the service does."""


def create_problems(parameters: Parameters, settings: Settings, world: World) -> Iterator[str]:
    """Yield what is wrong with the creation of an environment; `settings` has the defaults filled in."""
    yield from _version_problems(settings["AirflowVersion"], world)
    if "SubnetIds" not in settings["NetworkConfiguration"]:
        yield "Exactly two subnets are required in NetworkConfiguration."
    if "SecurityGroupIds" not in settings["NetworkConfiguration"]:
        yield "At least one security group is required in NetworkConfiguration."
    yield from tag_problems({}, parameters.get("Tags", {}))
    yield from _common_problems(parameters, settings, world)


def update_problems(
    parameters: Parameters, settings: Settings, before: Settings, world: World
) -> Iterator[str]:
    """Yield what is wrong with an update from `before` to `settings`."""
    old, new = str(before["AirflowVersion"]), str(settings["AirflowVersion"])
    if new != old:
        yield from _version_problems(new, world)
        if old.partition(".")[0] != new.partition(".")[0]:
            yield f"Environments cannot be moved from Apache Airflow {old} to {new}: create a new environment."
    yield from _common_problems(parameters, settings, world)


def immutable_problems(unknown: set[str], of_creation: set[str]) -> Iterator[str]:
    """Yield a message for each member of an update's body that only a creation has."""
    for name in sorted(unknown & of_creation):
        yield f"{name} cannot be changed after an environment has been created."


def tag_problems(before: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with adding tags to those that are there."""
    reserved = sorted(key for key in given if key.lower().startswith("aws:"))
    if reserved:
        yield f"Tag keys starting with 'aws:' are reserved for AWS: {', '.join(reserved)}"
    if len({**before, **given}) > MOST_TAGS:
        yield f"A resource can have at most {MOST_TAGS} tags."


def _common_problems(parameters: Parameters, settings: Settings, world: World) -> Iterator[str]:
    yield from _class_problems(settings)
    yield from _option_problems(settings.get("AirflowConfigurationOptions", {}))
    yield from _access_problems(settings, world)
    for name in ("Teams", "IdentityCenterConfiguration"):
        if parameters.get(name):
            yield f"{name} is not available in the local emulator: it has no IAM Identity Center."
    yield from _source_problems(parameters, settings, world)


def _version_problems(number: str, world: World) -> Iterator[str]:
    version = world.version(number)
    if version is None:
        yield f"Invalid Apache Airflow version: {number}"
    elif world.strict_support and version.end_of_support and version.end_of_support < world.today:
        yield (
            f"Apache Airflow version {number} reached its end of support on {version.end_of_support}: "
            "new environments cannot be created with it, and none can be moved to it."
        )


def _class_problems(settings: Settings) -> Iterator[str]:
    name = settings["EnvironmentClass"]
    if name not in list(EnvironmentClass):
        yield f"Invalid environment class: {name}. Valid values: {', '.join(EnvironmentClass)}"
        return
    micro = name == MICRO
    first = str(settings["AirflowVersion"]).startswith("1.")
    schedulers = (1, 1) if micro or first else (2, 5)
    yield from _between("Schedulers", settings, *schedulers)
    yield from _between("MaxWorkers", settings, 1, 1 if micro else MOST_WORKERS)
    yield from _between("MinWorkers", settings, 1, 1 if micro else MOST_WORKERS)
    for each in ("MinWebservers", "MaxWebservers"):
        yield from _between(each, settings, *((1, 1) if micro else (2, MOST_WEBSERVERS)))
    for kind in ("Workers", "Webservers"):
        if settings[f"Min{kind}"] > settings[f"Max{kind}"]:
            yield f"Min{kind} ({settings[f'Min{kind}']}) cannot be more than Max{kind} ({settings[f'Max{kind}']})."


def _between(name: str, settings: Settings, least: int, most: int) -> Iterator[str]:
    value = settings[name]
    if not least <= value <= most:
        allowed = str(least) if least == most else f"from {least} to {most}"
        yield f"{name} must be {allowed} for {settings['EnvironmentClass']}, not {value}."


def _option_problems(options: Mapping[str, str]) -> Iterator[str]:
    wrong = [key for key in options if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z0-9_.]*[a-z0-9_]", key)]
    if wrong:
        yield (
            "Some of the provided configurations do not have the expected format: "
            f"{', '.join(wrong)}, e.g: core.log_format."
        )


def _access_problems(settings: Settings, world: World) -> Iterator[str]:
    version = world.version(settings["AirflowVersion"])
    if settings["WebserverAccessMode"] == "PUBLIC_AND_PRIVATE" and version is not None:
        numbers = tuple(int(part) for part in version.airflow.split("."))
        if numbers < PUBLIC_AND_PRIVATE_FROM:
            yield "WebserverAccessMode PUBLIC_AND_PRIVATE is available from Apache Airflow 3.2 on."


def _source_problems(parameters: Parameters, settings: Settings, world: World) -> Iterator[str]:
    shapes = [problem for name in ("Dag", *FILES) for problem in _path_problems(name, parameters)]
    shapes += [problem for name in FILES for problem in _pair_problems(name, parameters, settings)]
    yield from shapes
    name = str(settings["SourceBucketArn"]).rpartition(":")[2]
    bucket = world.buckets(name)
    if bucket is None:
        yield f"Invalid request provided: Unable to access the bucket {name}: it does not exist."
        return
    yield from _bucket_problems(name, bucket, world)
    if not shapes:
        asked_anew = "SourceBucketArn" in parameters
        yield from _object_problems(parameters, settings, bucket, check_all=asked_anew)


def _path_problems(name: str, parameters: Parameters) -> Iterator[str]:
    member = f"{name}S3Path"
    path = parameters.get(member)
    if path is None:
        return
    if not path:
        yield f"{member} cannot be empty."
    elif path.startswith("s3://"):
        yield f"{member} must be relative to the bucket, without s3://: {path}"
    elif path.startswith("/"):
        yield f"{member} must be relative to the bucket and cannot start with a slash: {path}"
    elif name != "Dag" and path.endswith("/"):
        yield f"{member} must name a file: {path}"


def _pair_problems(name: str, parameters: Parameters, settings: Settings) -> Iterator[str]:
    path, version = parameters.get(f"{name}S3Path"), parameters.get(f"{name}S3ObjectVersion")
    if path and not version:
        yield f"{name}S3ObjectVersion is required with {name}S3Path."
    if version is not None and not settings.get(f"{name}S3Path"):
        yield f"{name}S3Path is required with {name}S3ObjectVersion."


def _bucket_problems(name: str, bucket: Bucket, world: World) -> Iterator[str]:
    if bucket.region != world.region:
        yield f"Invalid request provided: The bucket {name} must be in the region {world.region}."
    if not bucket.is_versioned:
        yield f"Invalid request provided: Provided bucket does not have versioning enabled: {name}"
    if not bucket.blocks_public_access:
        # The wording that users of the service have seen.
        yield (
            "Invalid request provided: Provided bucket does not have BlockPublicAccess set for s3 bucket "
            f"{name}"
        )


def _object_problems(
    parameters: Parameters, settings: Settings, bucket: Bucket, *, check_all: bool
) -> Iterator[str]:
    for name in FILES:
        key, version = settings.get(f"{name}S3Path"), settings.get(f"{name}S3ObjectVersion")
        named = f"{name}S3Path" in parameters or f"{name}S3ObjectVersion" in parameters
        if key and version and (named or check_all) and not bucket.has_version(key, version):
            yield f"Unable to read version {version} of file {key}"
