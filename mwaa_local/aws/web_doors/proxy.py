"""Everything behind the doors that is not a door: Airflow's own pages and API, passed on as they are."""

from collections.abc import Iterable, Iterator

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers about one connection, which another must not repeat (RFC 9110, 7.6.1)."""
OURS = ("x-mwaa-local-", "x-forwarded-")
"""Headers that only we may send to the web server."""
INNER_PATH = "/_mwaa_local/"


def request_headers(given: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the headers of a request for the web server: it shall know that the client speaks HTTPS."""
    headers = tuple(given)
    for name, value in headers:
        lower = name.lower()
        if lower not in HOP_BY_HOP and lower not in _named(headers) and not lower.startswith(OURS):
            yield name, value
    yield "X-Forwarded-Proto", "https"
    yield "Connection", "close"


def answer_headers(given: Iterable[tuple[str, str]], host: str, web_port: int) -> Iterator[tuple[str, str]]:
    """Yield the headers of an answer for the client of `host`; redirections to the web server lead to the doors."""
    headers = tuple(given)
    for name, value in headers:
        lower = name.lower()
        if lower == "location":
            yield name, _redirected(value, host, web_port)
        elif lower not in HOP_BY_HOP and lower not in _named(headers):
            yield name, value


def _named(headers: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return the headers that `Connection` names as its own."""
    values = (value for name, value in headers if name.lower() == "connection")
    return frozenset(part.strip().lower() for value in values for part in value.split(","))


def _redirected(location: str, host: str, web_port: int) -> str:
    for origin in (f"http://{host}", f"http://127.0.0.1:{web_port}", f"http://localhost:{web_port}"):
        if location == origin or location.startswith((f"{origin}/", f"{origin}?")):
            return f"https://{host}" + location.removeprefix(origin)
    return location
