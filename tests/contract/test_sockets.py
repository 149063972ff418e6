"""Ports of 127.0.0.1, for real."""

import socket

from mwaa_local.adapters.sockets import free_port, is_port_free


def test_a_port_that_somebody_listens_on_is_taken_and_free_again_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_port_free(port)

    assert is_port_free(port)


def test_a_port_taken_on_every_address_is_taken_on_loopback_too() -> None:
    with socket.create_server(("", 0)) as server:
        assert not is_port_free(server.getsockname()[1])


def test_a_port_that_a_connection_of_the_last_server_still_uses_counts_as_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            answered, _ = server.accept()
            answered.close()  # it is the server's side that lingers

    assert is_port_free(port)


def test_a_free_port_is_free_and_none_of_those_that_are_given() -> None:
    first = free_port()

    others = {free_port(frozenset({first})) for _ in range(20)}

    assert first not in others
    assert is_port_free(first)
