"""A network of its own for each engine of the tests.

Docker's daemons would otherwise share the bridge docker0, and give their containers the same addresses there. Bridges
belong to the machine, and so do the locks here: somebody else may run these tests at the same time.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.adapters.locks import take_lock

LOCKS = Path("/run/mwaa-local-tests")
SLOTS = 16


@dataclass(frozen=True, slots=True)
class EngineNetwork:
    """What nobody else on this machine uses, as long as a process has the lock open."""

    number: int
    lock: int
    """A descriptor, which the daemon inherits."""

    @property
    def bridge(self) -> str:
        """Return the name of the network interface."""
        return f"mwl-test{self.number}"

    @property
    def addresses(self) -> str:
        """Return the addresses of the bridge's containers: of the range meant for tests of networks (RFC 2544)."""
        return f"198.18.{self.number}.0/24"

    @property
    def pool(self) -> str:
        """Return the addresses of all networks that the daemon makes."""
        return f"198.19.{self.number * 16}.0/20"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what the daemon is told: its bridge, and where the networks lie that it makes."""
        return ("--bridge", self.bridge, "--default-address-pool", f"base={self.pool},size=24")

    def make_bridge(self) -> None:
        """Make the interface; what an engine that was killed has left is removed first."""
        self.remove_bridge()
        for command in (
            ("link", "add", self.bridge, "type", "bridge"),
            ("address", "add", self.addresses.replace(".0/", ".1/"), "dev", self.bridge),
            ("link", "set", self.bridge, "up"),
        ):
            subprocess.run(["ip", *command], check=True, capture_output=True, timeout=60)

    def let_through(self) -> None:
        """Let containers out to other machines, as a daemon does that writes the firewall's rules itself."""
        for own in (self.addresses, self.pool):
            for table, chain, *rule in (
                ("nat", "POSTROUTING", "--source", own, "!", "--destination", own, "--jump", "MASQUERADE"),
                ("filter", "FORWARD", "--source", own, "--jump", "ACCEPT"),
                ("filter", "FORWARD", "--destination", own, "--jump", "ACCEPT"),
            ):
                command = ["iptables", "--wait", "--table", table, "--insert", chain, *rule]
                subprocess.run(command, check=True, capture_output=True, timeout=60)

    def remove_bridge(self) -> None:
        """Remove the interface, and the firewall's rules for it and its networks."""
        marks = {self.bridge, self.addresses, self.pool}
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True, timeout=60)
        for table in ("filter", "nat"):
            command = ["iptables", "--wait", "--table", table]
            listed = subprocess.run([*command, "--list-rules"], check=True, capture_output=True, timeout=60)
            for rule in listed.stdout.decode().splitlines():
                words = shlex.split(rule)
                if marks.intersection(words):
                    words[0] = "--delete"
                    subprocess.run([*command, *words], check=False, capture_output=True, timeout=60)


@contextmanager
def own_network() -> Iterator[EngineNetwork]:
    """Take a network; it stays taken as long as anybody has its lock open, we or a daemon."""
    LOCKS.mkdir(exist_ok=True)
    taken = ((number, take_lock(lock_of(number))) for number in range(SLOTS))
    network = next(EngineNetwork(number, lock) for number, lock in taken if lock is not None)
    try:
        network.make_bridge()
        yield network
    finally:
        os.close(network.lock)


def give_back(number: int) -> None:
    """Remove what a network has left on this machine, unless somebody has it already."""
    # Whatever the daemon has started may end a moment after it.
    lock = take_lock(lock_of(number), patience=5)
    if lock is not None:
        try:
            EngineNetwork(number, lock).remove_bridge()
        finally:
            os.close(lock)


def lock_of(number: int) -> Path:
    return LOCKS / f"{number}.lock"
