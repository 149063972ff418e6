"""Clients of statsd that the launcher's imports have made: in a role they must not use what has become another's."""

import importlib
import os
import socket
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.inside_modules import INSIDE


class StatsClient:
    """Opens its socket as the client of the package statsd does."""

    def __init__(self, port: int) -> None:
        self._addr = ("127.0.0.1", port)
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, text: bytes) -> None:
        self._sock.sendto(text, self._addr)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(INSIDE))
    return importlib.import_module("mwaa_inside.statsd_sockets")


@pytest.fixture
def make_client(sockets: Any) -> Callable[[int], Any]:
    """Return what makes clients of a class that is watched."""
    udp = SimpleNamespace(StatsClient=type("StatsClient", (StatsClient,), {}))
    sockets.watch_clients(udp)
    made: Callable[[int], Any] = udp.StatsClient
    return made


def test_a_client_whose_socket_was_closed_sends_again_and_leaves_its_number_alone(
    sockets: Any, make_client: Callable[[int], Any]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        client = make_client(receiver.getsockname()[1])
        number = client._sock.fileno()
        os.close(number)  # as a role does with all that the launcher had open
        ours, others = socket.socketpair()
        assert number in (ours.fileno(), others.fileno())
        with ours, others:
            sockets.renew_sockets()
            client.send(b"scheduler_heartbeat:1|c")
            assert receiver.recv(100) == b"scheduler_heartbeat:1|c"
            ours.send(b"untouched")
            assert others.recv(100) == b"untouched"
        client._sock.close()


def test_a_client_that_is_gone_is_forgotten(sockets: Any, make_client: Callable[[int], Any]) -> None:
    client = make_client(9)
    client._sock.close()
    del client
    sockets.renew_sockets()


def test_who_checks_names_is_looked_up_once(sockets: Any) -> None:
    asked: list[str] = []

    def look_up() -> Callable[[str], str]:
        asked.append("again")
        return str

    module = ModuleType("airflow.metrics.validators")
    module.get_current_handler_stat_name_func = look_up  # type: ignore[attr-defined]
    sockets.remember_name_handler({module.__name__: module})
    handlers = {module.get_current_handler_stat_name_func() for _ in range(3)}
    assert (handlers, asked) == ({str}, ["again"])


def test_a_client_of_this_machine_is_open_to_nobody_else(
    sockets: Any, make_client: Callable[[int], Any]
) -> None:
    client = make_client(9)
    assert client._sock.getsockname()[0] == "127.0.0.1"
    sockets.renew_sockets()
    assert client._sock.getsockname()[0] == "127.0.0.1"
    client._sock.close()
