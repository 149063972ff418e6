"""Asks whether a PostgreSQL server takes logins on a port of 127.0.0.1, without a driver and without a password."""

import socket
import struct

PROTOCOL_3 = 196608
LOGIN = b"user\0airflow\0database\0airflow\0\0"


def postgres_accepts(port: int) -> bool:
    """Tell whether a server asks for a password; one that still recovers or shuts down answers with an error."""
    greeting = struct.pack("!ii", 8 + len(LOGIN), PROTOCOL_3) + LOGIN
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(greeting)
            # All of it is read: closing with bytes unread would look like a broken connection in the server's log.
            return connection.recv(1024).startswith(b"R")
    except OSError:
        return False
