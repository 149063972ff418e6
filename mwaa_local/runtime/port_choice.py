"""Chooses the environment's ports: the ones asked for, else those of last time, else free ones; remembered."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from mwaa_local.config import EnvironmentConfig
from mwaa_local.environment_stack import Ports
from mwaa_local.errors import UsageError
from mwaa_local.runtime.state import StateFolder, read_json, write_private

WEBSERVER_FAVOURITE = 8080


@dataclass(frozen=True, slots=True)
class PortFinder:
    """Tells which ports of 127.0.0.1 are free; `pick` returns one that is, other than those given."""

    is_free: Callable[[int], bool]
    pick: Callable[[frozenset[int]], int]


def choose_ports(
    config: EnvironmentConfig, folder: StateFolder, finder: PortFinder, notify: Callable[[str], None]
) -> Ports:
    """Return the ports to use; UsageError if one that was asked for is taken."""
    remembered = read_json(folder.ports) or {}
    asked = {"webserver": config.webserver_port, "aws": config.aws_port, "postgres": config.postgres_port}
    chosen: dict[str, int] = {}
    for name, port in asked.items():
        if port is not None:
            if not finder.is_free(port) or port in chosen.values():
                raise UsageError(
                    f"Port {port} for {name} is taken on 127.0.0.1.",
                    hint=f"end what uses it, or choose another with --{name}-port (without one, a free one is taken)",
                )
            chosen[name] = port
            continue
        last = remembered.get(name)
        remembers = isinstance(last, int) and 0 < last < 65536
        wanted = last if remembers else WEBSERVER_FAVOURITE if name == "webserver" else 0
        if wanted and wanted not in chosen.values() and finder.is_free(wanted):
            chosen[name] = wanted
        else:
            chosen[name] = finder.pick(frozenset(chosen.values()))
            if wanted:
                notify(f"Port {wanted} is taken; {name} uses {chosen[name]}.")
    ports = Ports(**chosen)
    if remembered != asdict(ports):
        write_private(folder.ports, json.dumps(asdict(ports)))
    return ports
