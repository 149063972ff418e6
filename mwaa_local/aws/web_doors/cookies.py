"""The session cookies of several environments at one host name, whose ports cookies do not tell apart.

A browser gets and sends them with the port in their name. Scripts, which look for `session`, never see that.
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

SESSION = "session"
"""Of Flask. Airflow 3's token is fetched by its pages at once, which keep it for their own port."""
OF_BROWSERS = "sec-fetch-site"
"""A header that every browser sends, and that no page can leave out or add."""


def is_browser(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser has sent these headers; names in lower case."""
    return OF_BROWSERS in headers


def inner_cookies(headers: Iterable[tuple[str, str]], host: str) -> Iterator[tuple[str, str]]:
    """Yield a request's headers for the web server: its own session under the name that it knows."""
    for name, value in headers:
        yield name, _inner(value, host) if name.lower() == "cookie" else value


def outer_cookies(headers: Iterable[tuple[str, str]], host: str) -> Iterator[tuple[str, str]]:
    """Yield an answer's headers for a browser: the session under a name that no other port uses."""
    for name, value in headers:
        if name.lower() == "set-cookie" and value.startswith(f"{SESSION}="):
            yield name, _outer_name(host) + value.removeprefix(SESSION)
        else:
            yield name, value


def _inner(cookies: str, host: str) -> str:
    pairs = [each.strip() for each in cookies.split(";")]
    own = [each for each in pairs if each.startswith(f"{_outer_name(host)}=")]
    if not own:
        return cookies
    others = [each for each in pairs if each not in own and not each.startswith(f"{SESSION}=")]
    return "; ".join([*others, SESSION + own[-1].removeprefix(_outer_name(host))])


def _outer_name(host: str) -> str:
    try:
        port = urlsplit(f"//{host}").port
    except ValueError:
        port = None
    return f"{SESSION}-{port or 443}"
