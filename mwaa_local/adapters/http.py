"""Plain HTTP to addresses on this machine, with the standard library: quick to import, no proxies."""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from mwaa_local.ports import HttpAnswer


class LocalHttp:
    """A client for loopback addresses; a user's proxy settings never apply."""

    def get(self, url: str, *, timeout: float = 2.0, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Fetch `url`; an address that nobody answers on gives status 0, never an exception."""
        return _exchange("GET", url, timeout, headers or {})

    def post(self, url: str, *, timeout: float = 2.0) -> HttpAnswer:
        """Send an empty POST; an address that nobody answers on gives status 0, never an exception."""
        return _exchange("POST", url, timeout, {"Content-Length": "0"})


def _exchange(method: str, url: str, timeout: float, headers: Mapping[str, str]) -> HttpAnswer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target or "/", headers=dict(headers))
        answer = connection.getresponse()
        return HttpAnswer(answer.status, answer.read())
    except (OSError, http.client.HTTPException):
        return HttpAnswer(0, b"")
    finally:
        connection.close()
