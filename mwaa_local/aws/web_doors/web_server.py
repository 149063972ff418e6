"""Airflow's web server as the doors see it: plain HTTP on a port of this machine, or of a network of containers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Protocol

HOST = "127.0.0.1"
PATIENCE = 2.0
"""Seconds to be accepted; on one machine it takes no time."""
LOGIN_PATH = "/_mwaa_local/login"
LOGIN_HEADER = "X-Mwaa-Local-Login"
"""Where the web server is told whom it may give a session, signed; see `mwaa_inside.web_login`."""


class WebServerError(Exception):
    """The web server does not answer, or, where `is_late`, takes too long."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.is_late = is_late


class Source(Protocol):
    """Where the rest of a request's body comes from."""

    def read(self, size: int, /) -> bytes:
        """Return some bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a request: method, path with its query, headers."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the web server has answered, read to its end."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def cookies(self) -> Mapping[str, str]:
        """Return name and value of the cookies that it sets."""
        pairs = (value.partition(";")[0] for name, value in self.headers if name.lower() == "set-cookie")
        return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


@dataclass(frozen=True, slots=True)
class WebServer:
    """Sends requests to the web server of one environment."""

    port: int
    host: str = HOST

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        connection = HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.connect()
        except OSError:
            return False
        finally:
            connection.close()
        return True

    @contextmanager
    def open(self, head: Head, body: Iterator[bytes], timeout: float) -> Iterator[HTTPResponse]:
        """Send a request and give its answer, of which only the head has been read; WebServerError."""
        connection = HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            try:
                connection.putrequest(head.method, head.target, skip_host=True, skip_accept_encoding=True)
                for name, value in head.headers:
                    connection.putheader(name, value)
                connection.endheaders()
                for chunk in body:
                    connection.send(chunk)
                response = connection.getresponse()
            except (OSError, HTTPException, ValueError) as error:
                raise _failure(error) from error
            yield response
        finally:
            connection.close()

    def ask(self, head: Head, body: bytes, timeout: float, largest: int) -> Reply:
        """Send a request and return its whole answer; WebServerError, also where it has more than `largest` bytes."""
        headers = (*head.headers, ("Content-Length", str(len(body))))
        with self.open(Head(head.method, head.target, headers), iter((body,)), timeout) as response:
            try:
                content = response.read(largest + 1)
            except (OSError, HTTPException) as error:
                raise _failure(error) from error
            if len(content) > largest:
                raise WebServerError(f"the web server's answer has more than {largest} bytes")
            return Reply(response.status, tuple(response.getheaders()), content)


def _failure(error: Exception) -> WebServerError:
    if isinstance(error, TimeoutError):
        return WebServerError("the web server takes too long", is_late=True)
    return WebServerError(f"the web server does not answer: {error or type(error).__name__}")
