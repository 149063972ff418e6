"""Environments' logs in CloudWatch Logs under MWAA's names, read from their files when somebody asks.

Nothing is read while nobody does: before moto answers a request about such a group, what is new in the files goes into
its streams. What moto leaves out of a request is put in other words here.
"""

import io
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mwaa_local.aws.account import ACCOUNT_ID, ENVIRONMENTS
from mwaa_local.aws.mwaa_api.records import Environment
from mwaa_local.aws.mwaa_api.settings import LOG_TYPES
from mwaa_local.cloudwatch_names import LogPlace, LogType, group_name
from mwaa_local.log_files import LogFiles
from mwaa_local.log_records import LogRecord

if TYPE_CHECKING:
    from moto.logs.models import LogGroup, LogsBackend

TARGET = "Logs_20140328."
NAMES = ("logGroupName", "logGroupNames", "logGroupIdentifier", "logGroupIdentifiers")
"""Members of requests that name groups, or give their ARNs."""
STREAMS = ("logStreamName", "logStreamNames")
READING = frozenset({"DescribeLogStreams", "FilterLogEvents", "GetLogEvents", "StartLiveTail", "StartQuery"})
"""Operations whose answer depends on what is in the streams."""
LARGEST_BODY = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What a request of CloudWatch Logs is about."""

    operation: str
    groups: frozenset[str]
    streams: frozenset[str]
    """Empty: all."""


@dataclass(frozen=True, slots=True)
class _Source:
    """An environment, where its logs are, and from which level on each kind of them is sent."""

    environment: Environment
    files: LogFiles
    levels: Mapping[LogType, int]


@dataclass(slots=True)
class LogGroups:
    """Fills moto's log groups with the logs of the project's own environment, called `home`, and of all others.

    `state` is the endpoint's folder in the state folder of the project.
    """

    environments: Callable[[], Iterable[Environment]]
    state: Path
    home: str
    host: str = field(default_factory=lambda: os.uname().nodename)
    _files: dict[Path, LogFiles] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, environ: dict[str, Any]) -> None:
        """Make moto ready to answer a request, if it is one of CloudWatch Logs."""
        operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).removeprefix(TARGET)
        if operation == environ.get("HTTP_X_AMZ_TARGET", ""):
            return
        body = _read_body(environ)
        try:
            parameters = json.loads(body or b"{}")
        except ValueError:
            parameters = None
        if isinstance(parameters, dict):
            request = parse_request(operation, parameters)
            with self._lock:
                for environment in self.environments():
                    self._fill(self._source(environment), request)
            body = json.dumps(self._reworded(operation, parameters)).encode()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)

    def _source(self, environment: Environment) -> _Source:
        others = self.state / ENVIRONMENTS / environment.name / ".mwaa-local"
        state = self.state.parent if environment.name == self.home else others
        files = self._files.setdefault(state, LogFiles(state, self.host))
        return _Source(environment, files, levels_of(environment))

    def _fill(self, source: _Source, request: LogRequest) -> None:
        backend = _backends()[source.environment.region]
        filled: dict[LogType, LogGroup] = {}
        for log_type in source.levels:
            name = group_name(source.environment.name, log_type)
            backend.ensure_log_group(name)
            if name in request.groups and request.operation in READING:
                filled[log_type] = backend.groups[name]
        if not filled:
            return

        def is_wanted(place: LogPlace) -> bool:
            return place.log_type in filled and (not request.streams or place.stream in request.streams)

        for place, records in source.files.read_new(is_wanted):
            least = logging.NOTSET if place.every_level else source.levels[place.log_type]
            _put(filled[place.log_type], place, [each for each in records if each.level >= least])

    def _reworded(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return what moto understands: it takes a group's ARN for another group, and knows no prefix of streams."""
        reworded = dict(parameters)
        if operation in READING and "logGroupIdentifier" in reworded:
            reworded["logGroupName"] = _name_of(str(reworded.pop("logGroupIdentifier")))
        if operation != "FilterLogEvents":
            return reworded
        reworded["interleaved"] = True
        prefix = reworded.pop("logStreamNamePrefix", None)
        if prefix and not reworded.get("logStreamNames"):
            found = self._streams(str(reworded.get("logGroupName", "")), str(prefix))
            # No stream has a colon in its name, and an empty list would mean all of them.
            reworded["logStreamNames"] = found or [":"]
        return reworded

    def _streams(self, group: str, prefix: str) -> list[str]:
        for backend in _backends().values():
            if group in backend.groups:
                return [name for name in backend.groups[group].streams if name.startswith(prefix)]
        return []


def parse_request(operation: str, parameters: Mapping[str, Any]) -> LogRequest:
    """Return what a request is about."""
    groups = {_name_of(each) for member in NAMES for each in _texts(parameters.get(member))}
    streams = {each for member in STREAMS for each in _texts(parameters.get(member))}
    return LogRequest(operation, frozenset(groups), frozenset(streams))


def _texts(value: object) -> list[str]:
    """Return the texts in a member of a request; moto answers to what is none."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def levels_of(environment: Environment) -> dict[LogType, int]:
    """Return the kinds of logs that an environment sends, each with the least level."""
    configured = environment.settings.get("LoggingConfiguration", {})
    names = logging.getLevelNamesMapping()
    return {
        LogType(LOG_TYPES[member]): names[str(module.get("LogLevel", "INFO"))]
        for member, module in configured.items()
        if module.get("Enabled")
    }


def _backends() -> "Mapping[str, LogsBackend]":
    """Return moto's log groups by region; importing them takes memory that most endpoints never need."""
    from moto.logs.models import logs_backends

    return logs_backends[ACCOUNT_ID]


def _put(group: "LogGroup", place: LogPlace, records: list[LogRecord]) -> None:
    events = [{"timestamp": int(each.time * 1000), "message": each.text} for each in records if each.text]
    if not events:
        return
    if place.stream not in group.streams:
        group.create_log_stream(place.stream)
    group.put_log_events(place.stream, events)


def _name_of(identifier: str) -> str:
    """Return the name of a group that may be given as an ARN."""
    _, found, name = identifier.partition(":log-group:")
    return name.removesuffix(":*") if found else identifier


def _read_body(environ: Mapping[str, Any]) -> bytes:
    length = str(environ.get("CONTENT_LENGTH") or "0")
    if environ.get("wsgi.input_terminated"):
        content: bytes = environ["wsgi.input"].read(LARGEST_BODY)
    else:
        content = environ["wsgi.input"].read(min(int(length), LARGEST_BODY) if length.isdecimal() else 0)
    return content
