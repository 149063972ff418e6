"""Fetches a file by its address over https or http, as pip would: with the user's proxies and certificates."""

import base64
import os
import ssl
import urllib.error
import urllib.request
from urllib.parse import unquote

from mwaa_local.ports import HttpAnswer

_MOST_BYTES = 5_000_000


def fetch_file(url: str, timeout: float = 15.0) -> HttpAnswer:
    """Return the answer; status 0 where nobody answers."""
    if not url.startswith(("https://", "http://")):
        return HttpAnswer(0, b"")
    named = (os.environ.get(each) for each in ("SSL_CERT_FILE", "PIP_CERT"))
    try:
        context = ssl.create_default_context(cafile=next((each for each in named if each), None))
        with urllib.request.urlopen(_request(url), timeout=timeout, context=context) as answer:  # noqa: S310
            return HttpAnswer(answer.status, answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        return HttpAnswer(error.code, b"")
    except (OSError, ValueError):
        return HttpAnswer(0, b"")


def _request(url: str) -> urllib.request.Request:
    """Return the request, with user and password of the address as a header: urllib does not understand them."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    account, at, bare = host.rpartition("@")
    request = urllib.request.Request(f"{scheme}://{bare}{slash}{path}" if at else url)  # noqa: S310
    if at:
        user, _, password = account.partition(":")
        token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    return request
