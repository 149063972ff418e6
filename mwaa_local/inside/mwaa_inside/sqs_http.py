"""An HTTP client for kombu's SQS transport where pycurl is missing (it has no wheel for Python 3.7).

kombu asks for an asynchronous client and brings one on pycurl; kombu 5.5 brings one on urllib3 that blocks the worker's
event loop for the length of a long poll. This one makes each request in a thread and completes it on the thread of
kombu's event loop. It does what SQS needs: no redirects, no proxies, no compression.
"""

import http.client
import os
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from queue import Queue
from urllib.parse import urlsplit

from kombu.asynchronous.http.base import BaseClient, Headers, Response, normalize_header
from kombu.asynchronous.hub import get_event_loop
from kombu.exceptions import HttpError

# Answered by kombu like an empty queue: it asks again.
NO_ANSWER = 599
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
# After an answer that never came, so that a lasting fault does not become a busy loop.
PAUSE_AFTER_FAILURE = 0.25


def install(http_module):
    """Make `kombu.asynchronous.http` hand out ThreadedClient, unless it can and will use pycurl."""
    uses_curl = find_spec("kombu.asynchronous.http.curl") is not None
    if not (uses_curl and _has_pycurl()):
        http_module.Client = ThreadedClient


def _has_pycurl():
    try:
        import pycurl  # noqa: F401
    except ImportError:
        return False
    return True


class ThreadedClient(BaseClient):
    """kombu's client interface on the standard library's blocking one."""

    def __init__(self, hub=None, max_clients=10):
        super().__init__(hub or get_event_loop())
        self.max_clients = max_clients
        self._waiting = Queue()
        self._done = deque()
        self._transfers = set()
        self._threads = []
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        # Celery resets its loop when the worker stops consuming or loses the broker. (kombu adds this itself from 5.7.)
        self.hub.on_close.add(self._on_hub_close)
        _clients.add(self)

    def add_request(self, request):
        """Start the request; its `on_ready` is called by the event loop."""
        # The loop forgets everything it watches when it is reset, hence here and not once.
        if self._wake_reader.fileno() not in self.hub.readers:
            self.hub.add_reader(self._wake_reader.fileno(), self._complete)
        transfer = _Transfer(request)
        self._transfers.add(transfer)
        self._waiting.put(transfer)
        if len(self._threads) < min(self.max_clients, len(self._transfers)):
            thread = threading.Thread(target=self._work, name="sqs-http", daemon=True)
            self._threads.append(thread)
            thread.start()
        return request

    def close(self):
        """Give up every request and end the threads."""
        self._on_hub_close(self.hub)
        for _ in self._threads:
            self._waiting.put(None)
        self.hub.on_close.discard(self._on_hub_close)
        if getattr(self.hub, "_current_http_client", None) is self:
            del self.hub._current_http_client
        if self._wake_reader.fileno() in self.hub.readers:
            self.hub.remove(self._wake_reader.fileno())
        self._wake_reader.close()
        self._wake_writer.close()

    def close_inherited(self):
        """In a forked child: drop our connections, which would stay open after the parent's death."""
        for transfer in self._transfers:
            transfer.close_inherited()

    def _work(self):
        connections = _Connections()
        for transfer in iter(self._waiting.get, None):
            transfer.run(connections)
            self._done.append(transfer)
            self._wake()
        connections.close()

    def _wake(self):
        try:
            self._wake_writer.send(b"\0")
        except BlockingIOError:
            pass  # Full of wake-ups already.
        except OSError:
            pass  # Closed meanwhile: nobody waits for the answer any more.

    def _complete(self):
        with suppress(BlockingIOError):
            self._wake_reader.recv(4096)
        try:
            while self._done:
                transfer = self._done.popleft()
                self._transfers.discard(transfer)
                if not transfer.aborted.is_set():
                    transfer.request.on_ready(transfer.response)
        finally:
            if self._done:
                self._wake()

    def _on_hub_close(self, _hub):
        """Hang up: an answer that arrives now would be a message that nobody handles.

        The client itself stays good: kombu's channels keep theirs while Celery resets the loop and goes on with it.
        """
        for transfer in list(self._transfers):
            transfer.abort()


class _Connections:
    """The open connections of one thread, by address, to be used again."""

    def __init__(self):
        self._open = {}

    def take(self, request, scheme, address):
        """Return a connection to `address`, and whether it was used before."""
        kept = self._open.pop((scheme, address), None)
        if kept is not None:
            return kept, True
        timeout = request.connect_timeout
        if scheme == "https":
            return http.client.HTTPSConnection(address, timeout=timeout, context=_tls(request)), False
        return http.client.HTTPConnection(address, timeout=timeout), False

    def keep(self, scheme, address, connection):
        """Put a connection back, if the server left it open."""
        if connection.sock is not None:
            self._open[scheme, address] = connection

    def close(self):
        for connection in self._open.values():
            connection.close()


def _tls(request):
    context = ssl.create_default_context(cafile=request.ca_certs)
    if not request.validate_cert:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if request.client_cert:
        context.load_cert_chain(request.client_cert, request.client_key)
    return context


class _Transfer:
    """One request and what became of it."""

    def __init__(self, request):
        self.request = request
        self.response = None
        self.aborted = threading.Event()
        self._connection = None

    def abort(self):
        """Hang up, from any thread."""
        self.aborted.set()
        sock = self._connection and self._connection.sock
        if sock:
            with suppress(OSError):  # Not connected any more.
                sock.shutdown(socket.SHUT_RDWR)

    def close_inherited(self):
        sock = self._connection and self._connection.sock
        if sock:
            os.close(sock.detach())

    def run(self, connections):
        """Make the request; waits for a server that is being started again as long as the request may take."""
        deadline = time.monotonic() + self.request.request_timeout
        pause = FIRST_PAUSE
        while not self.aborted.is_set():
            try:
                self.response = self._exchange(connections, deadline)
                return
            except ConnectionRefusedError as error:
                if time.monotonic() + pause > deadline:
                    self._fail(error)
                    return
                self.aborted.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._fail(error)
                self.aborted.wait(PAUSE_AFTER_FAILURE)
                return

    def _fail(self, error):
        failure = HttpError(NO_ANSWER, str(error) or type(error).__name__)
        self.response = Response(request=self.request, code=NO_ANSWER, error=failure)

    def _exchange(self, connections, deadline):
        target = urlsplit(_text(self.request.url))
        self._connection, used = connections.take(self.request, target.scheme, target.netloc)
        try:
            try:
                answer = self._send(target, deadline)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if not used:
                    raise
                # The server closed it between two requests; `connect` is implied in the next.
                self._connection.close()
                answer = self._send(target, deadline)
            response = self._read(answer)
        except BaseException:
            self._connection.close()
            raise
        connections.keep(target.scheme, target.netloc, self._connection)
        return response

    def _send(self, target, deadline):
        path = (target.path or "/") + ("?" + target.query if target.query else "")
        body = self.request.body
        headers = Headers((normalize_header(_text(k)), _text(v)) for k, v in self.request.headers.items())
        if body:
            # kombu counts on curl's default for the query protocol of older botocores.
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if self._connection.sock is None:
            self._connection.connect()
            if self.aborted.is_set():
                raise ConnectionAbortedError("given up")
        self._connection.sock.settimeout(max(deadline - time.monotonic(), 0.1))
        self._connection.request(
            self.request.method, path, body.encode() if isinstance(body, str) else body, headers
        )
        return self._connection.getresponse()

    def _read(self, answer):
        headers = Headers()
        for name, value in answer.getheaders():
            headers[normalize_header(name)] = value
        headers.complete = True
        body = BytesIO(answer.read())
        return Response(self.request, answer.status, headers, body, status=answer.reason)


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


_clients = weakref.WeakSet()


def _after_fork_in_child():
    for client in list(_clients):
        client.close_inherited()


os.register_at_fork(after_in_child=_after_fork_in_child)
