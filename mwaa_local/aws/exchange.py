"""One HTTP exchange with a client: whether it still listens, and what to do once it has its answer (or never will).

SQS needs both: a message must not go to a client that hung up while it waited, and it counts as received only when the
answer is on its way.
"""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Exchange:
    """A request that is being answered, by this thread."""

    connection: socket.socket | None
    consumer: str
    """The access key that the client signed with."""
    answered: list[Callable[[], None]] = field(default_factory=list)
    abandoned: list[Callable[[], None]] = field(default_factory=list)

    def is_listening(self) -> bool:
        """Return whether the client still waits for the answer: its half of the connection is open."""
        if self.connection is None:
            return True
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


_local = threading.local()


def current_exchange() -> Exchange | None:
    """Return the exchange of this thread, None outside a request."""
    exchange: Exchange | None = getattr(_local, "exchange", None)
    return exchange


def enter_exchange(exchange: Exchange | None) -> None:
    """Make `exchange` the one of this thread."""
    _local.exchange = exchange
