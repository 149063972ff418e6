"""Fetches the metadata of wheels, several at once: the file beside it (PEP 658), or out of a small wheel."""

import io
import os
import ssl
import urllib.request
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

_AT_ONCE = 16
_MOST_BYTES = 1_500_000


def fetch_metadata(urls: Sequence[str], timeout: float = 10.0) -> dict[str, str]:
    """Return the METADATA of each wheel by its address; one that cannot be had is left out."""
    if not urls:
        return {}
    # uv and pip take a company's certificates from these variables.
    authority = next(
        (os.environ[name] for name in ("SSL_CERT_FILE", "PIP_CERT") if os.environ.get(name)), None
    )
    fetch = partial(_fetch, context=ssl.create_default_context(cafile=authority), timeout=timeout)
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(urls))) as pool:
        return {url: text for url, text in zip(urls, pool.map(fetch, urls), strict=True) if text}


def _fetch(url: str, context: ssl.SSLContext, timeout: float) -> str:
    beside = _get(f"{url}.metadata", context, timeout)
    if beside:
        return beside.decode("utf-8", errors="replace")
    # Indexes have no such file for old wheels. A wheel that is cut short is no archive.
    try:
        with zipfile.ZipFile(io.BytesIO(_get(url, context, timeout))) as wheel:
            name = next(each for each in wheel.namelist() if each.endswith(".dist-info/METADATA"))
            return wheel.read(name).decode("utf-8", errors="replace")
    except (zipfile.BadZipFile, StopIteration, NotImplementedError, RuntimeError):
        return ""


def _get(url: str, context: ssl.SSLContext, timeout: float) -> bytes:
    if not url.startswith("https://"):
        return b""
    request = urllib.request.Request(url, headers={"Range": f"bytes=0-{_MOST_BYTES - 1}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:  # noqa: S310
            content: bytes = answer.read(_MOST_BYTES)
    except (OSError, ValueError):
        return b""
    return content
