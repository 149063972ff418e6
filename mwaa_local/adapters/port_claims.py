"""Free ports that two starts at once do not both choose: a lock for each port, held for as long as a start lives.

Between the choice and the moment when a service listens, the port looks free to everybody else.
"""

from pathlib import Path

from mwaa_local.adapters.locks import take_lock
from mwaa_local.adapters.sockets import free_port, is_port_free
from mwaa_local.errors import RuntimeStateError


class PortClaims:
    """Claims ports for this process; `folder` is the user's and holds a lock file for each port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._claimed: set[int] = set()

    def is_free(self, port: int) -> bool:
        """Tell whether a server could listen on the port now, and claim it if so."""
        if not is_port_free(port):
            return False
        if port not in self._claimed and not self._claim(port):
            return False
        self._claimed.add(port)
        return True

    def pick(self, others: frozenset[int]) -> int:
        """Claim and return a port that is free now and not among `others`."""
        while True:
            port = free_port(others)
            if self.is_free(port):
                return port

    def _claim(self, port: int) -> bool:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return take_lock(self._folder / f"{port}.lock") is not None
        except (OSError, RuntimeStateError):
            return True  # a cache that cannot be written: nothing better is known than that the port is free
