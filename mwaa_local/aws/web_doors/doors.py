"""Which door a path leads to, and who may pass it."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from mwaa_local.aws.web_doors.commands import CommandDoor
from mwaa_local.aws.web_doors.exchange import Answer, Request, refusal
from mwaa_local.aws.web_doors.login import Sessions, sign_in_page, token_of
from mwaa_local.mwaa_tokens import Claims, Purpose, TokenRefusedError, read_token

PREFIXES = ("/aws_mwaa/", "/pluginsv2/aws_mwaa/")
"""Of Airflow 2, and of Airflow 3; each version answers at both."""
DOORS = ("cli", "login", "aws-console-sso")
LARGEST_BODY = 1_000_000
"""Bytes of a command or a form."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors of one environment."""

    environment: str
    key: bytes
    commands: CommandDoor
    sessions: Sessions
    now: Callable[[], float]

    def answer(self, request: Request) -> Answer:
        """Answer a request for which `is_door` holds."""
        door = door_of(request.path)
        wanted = "GET" if door == "aws-console-sso" else "POST"
        if request.method != wanted and not (wanted == "GET" and request.method == "HEAD"):
            answer = refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"use {wanted}")
            return Answer(answer.status, (*answer.headers, ("Allow", wanted)), answer.body)
        if door == "aws-console-sso":
            return sign_in_page()
        try:
            if door == "cli":
                self._read(_bearer(request), Purpose.CLI)
                return self.commands.answer(request)
            claims = self._read(token_of(request), Purpose.WEB)
        except TokenRefusedError as error:
            return refusal(HTTPStatus.FORBIDDEN, f"Forbidden: {error}")
        return self.sessions.sign_in(claims, request.headers.get("host", ""), self.now())

    def _read(self, token: str, purpose: Purpose) -> Claims:
        return read_token(self.key, token, self.environment, purpose, now=self.now())


def door_of(path: str) -> str:
    """Return the name of the door that a path leads to; empty if it leads to none."""
    for prefix in PREFIXES:
        name = path.removeprefix(prefix)
        if name != path and name in DOORS:
            return name
    return ""


def is_local_host(host: str) -> bool:
    """Tell whether a Host header is one that only this machine can have meant: web pages can name others."""
    name = host.rsplit(":", 1)[0].lower()
    return name in ("127.0.0.1", "localhost") or name.endswith(".localhost")


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
