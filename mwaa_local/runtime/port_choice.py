"""Chooses the environment's ports: the ones asked for, else those of last time, else free ones; remembered."""

import json
from collections.abc import Callable
from dataclasses import dataclass

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
    remembered = _remembered(folder)
    wishes = {
        "webserver": config.webserver_port,
        "aws": config.aws_port,
        "postgres": config.postgres_port,
        "doors": None,
    }
    chosen: dict[str, int] = {}
    for name, port in wishes.items():
        if port is not None:
            if not finder.is_free(port) or port in chosen.values():
                raise UsageError(
                    f"Port {port} for {name} is taken on 127.0.0.1.",
                    hint=f"end what uses it, or choose another with --{name}-port (without it, a free one is taken)",
                )
            chosen[name] = port
    for name in wishes:
        if name in chosen:
            continue
        wanted = remembered.get(name, WEBSERVER_FAVOURITE if name == "webserver" else 0)
        if wanted and wanted not in chosen.values() and finder.is_free(wanted):
            chosen[name] = wanted
        else:
            chosen[name] = finder.pick(frozenset(chosen.values()) | frozenset(remembered.values()))
            if wanted:
                notify(f"Port {wanted} is taken; {name} uses {chosen[name]}.")
    if remembered != chosen:
        write_private(folder.ports, json.dumps(chosen))
    return Ports(**chosen)


def _remembered(folder: StateFolder) -> dict[str, int]:
    """Return the ports of last time, as far as the file can be believed."""
    document = read_json(folder.ports) or {}
    return {
        name: port
        for name, port in document.items()
        if isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536
    }
