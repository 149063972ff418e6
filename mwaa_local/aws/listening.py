"""The server of the endpoint's HTTP: a thread for each connection, until a signal or the end of the parent."""

import argparse
import os
import signal
import socket
from types import FrameType
from typing import TYPE_CHECKING, Any

from mwaa_local.aws.web_doors.settings import LOOPBACK

if TYPE_CHECKING:
    from mwaa_local.aws.application import Endpoint

BACKLOG = 128
"""Connections that wait for an answer."""


def listen_early(options: argparse.Namespace) -> socket.socket | None:
    """Return what listens before anybody serves, in a container: None elsewhere.

    Roles and startup scripts that ask nothing of AWS yet need not wait, others wait for the answer.
    """
    if options.listen == LOOPBACK:
        return None
    return socket.create_server((options.listen, options.port), backlog=BACKLOG)


def make_server(options: argparse.Namespace, application: "Endpoint", listener: socket.socket | None) -> Any:
    """Return the server, which ends at SIGTERM; it takes over what listens already."""
    server = _server_class(options.parent)(
        options.listen,
        options.port,
        application,
        handler=_request_handler(),
        fd=listener.fileno() if listener else None,
    )
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    return server


def _server_class(parent: int) -> Any:
    """Return the server's class, which ends with the process `parent` if that is given."""
    from werkzeug.serving import ThreadedWSGIServer

    class Server(ThreadedWSGIServer):
        daemon_threads = True
        request_queue_size = BACKLOG

        def service_actions(self) -> None:
            # Called at least twice a second by serve_forever.
            if parent and os.getppid() != parent:
                raise KeyboardInterrupt

    return Server


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _request_handler() -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class QuietRequestHandler(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep no access log: tasks poll, and URLs may be presigned."""

    return QuietRequestHandler
