"""Finds out where a bucket is reached, as botocore's configuration says, and opens connections to it.

Endpoint, addressing, CA bundle and proxies are botocore's answers; what is sent is `object_store_transport.py`'s.
"""

import base64
import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import botocore
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy: where it is, and the header that makes us known to it ("" for none)."""

    host: str
    port: int
    authorization: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bucket is: `path` stands before every key, "" where the host name holds the bucket's name."""

    scheme: str
    host: str
    port: int | None
    path: str
    region: str
    proxy: Proxy | None
    ca_bundle: str | None

    @property
    def origin(self) -> str:
        """Return scheme, host and port, as the beginning of a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    def target(self, key: str | None) -> str:
        """Return the path of a key (None: of the bucket itself), encoded as S3's signature wants it."""
        return (f"{self.path}/{quote(key, safe='/~')}" if key is not None else self.path) or "/"


def find_address(session: botocore.session.Session, region: str, bucket: str) -> Address:
    """Return where botocore would send a request for `bucket`; BotoCoreError if it cannot tell."""
    url = _own_url(session, region, bucket)
    parts = urlsplit(url)
    path = parts.path.removesuffix("/x")
    ca_bundle = session.get_config_variable("ca_bundle")
    return Address(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port,
        path=path,
        region=region,
        proxy=_find_proxy(url),
        ca_bundle=str(ca_bundle) if ca_bundle else None,
    )


def is_of_aws(url: str) -> bool:
    """Tell whether an address is one of AWS's own, and not that of an emulator."""
    host = urlsplit(url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn"))


def _own_url(session: botocore.session.Session, region: str, bucket: str) -> str:
    """Have botocore make a request and keep it from being sent: its endpoint rules have many cases."""
    configured = _configured_url(session)
    if configured and not is_of_aws(configured):
        # botocore would ask `bucket.localhost`, which is nobody's name.
        return f"{configured.rstrip('/')}/{bucket}/x"
    config = Config(signature_version=botocore.UNSIGNED)
    client: Any = session.create_client("s3", region_name=region, config=config)
    urls: list[str] = []

    def keep(request: AWSPreparedRequest, **_others: object) -> AWSResponse:
        urls.append(request.url)
        return AWSResponse(request.url, 200, HTTPHeaders(), _Nothing())

    client.meta.events.register("before-send.s3.HeadObject", keep)
    client.head_object(Bucket=bucket, Key="x")
    return urls[0]


def _configured_url(session: botocore.session.Session) -> str | None:
    """Return the endpoint that variables or the profile name for S3."""
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "s3")
    return str(provider.provide() or "") or None


class _Nothing:
    """The body of an answer that nobody gave."""

    def stream(self) -> Iterator[bytes]:
        """Yield nothing."""
        return iter(())


def _find_proxy(url: str) -> Proxy | None:
    found = get_environ_proxies(url).get(urlsplit(url).scheme)
    if not found:
        return None
    parts = urlsplit(found if "://" in found else f"http://{found}")
    authorization = ""
    if parts.username:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(secret.encode()).decode()
    return Proxy(parts.hostname or "", parts.port or 80, authorization)


def open_connection(address: Address, timeout: float) -> http.client.HTTPConnection:
    """Make a connection that is opened by its first request; `timeout` is how long an answer may take."""
    proxy = address.proxy
    host, port = (proxy.host, proxy.port) if proxy else (address.host, address.port)
    if address.scheme == "http":
        return _Connection(host, port, timeout)
    connection = _SecureConnection(host, port, timeout, _context(address.ca_bundle))
    if proxy:
        headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        connection.set_tunnel(address.host, address.port or 443, headers)
    return connection


def _context(ca_bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_bundle or get_cert_path(True))


class _Connection(http.client.HTTPConnection):
    """A connection that gives up soon where nobody is, and waits longer for an answer."""

    def __init__(self, host: str, port: int | None, timeout: float) -> None:
        super().__init__(host, port, timeout=min(CONNECT_TIMEOUT, timeout))
        self._patience = timeout

    def connect(self) -> None:
        """Connect, then wait for answers as long as was said."""
        super().connect()
        _prepare(self.sock, self._patience)


class _SecureConnection(http.client.HTTPSConnection):
    """The same over TLS."""

    def __init__(self, host: str, port: int | None, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=min(CONNECT_TIMEOUT, timeout), context=context)
        self._patience = timeout

    def connect(self) -> None:
        """Connect, then wait for answers as long as was said."""
        super().connect()
        _prepare(self.sock, self._patience)


def _prepare(sock: socket.socket, timeout: float) -> None:
    sock.settimeout(timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
