"""Ports of 127.0.0.1: which are free, and who answers with PostgreSQL's greeting."""

import contextlib
import socket
import struct

LOOPBACK = "127.0.0.1"
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


def is_port_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """Return a port that is free now and not among `taken`."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def postgres_answers(port: int) -> bool:
    """Tell whether a PostgreSQL server greets on the port: it answers an SSL request before any login."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as connection:
        connection.sendall(SSL_REQUEST)
        return connection.recv(1) in (b"N", b"S")
    return False
