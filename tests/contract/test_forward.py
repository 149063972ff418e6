"""The gateway passes connections on, both ways, until it is told to end."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.adapters.sockets import free_port

PATIENCE = 20.0


@pytest.fixture
def target() -> Iterator[int]:
    """A server that answers with what it was sent, in capitals, once the client has nothing more to say."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, connection.makefile("rwb") as stream:
                    stream.write(stream.read().upper())
                    stream.flush()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gateway(target: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    command = [sys.executable, "-m", "mwaa_local.aws.forward", str(port), f"127.0.0.1:{target}"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stderr is not None
        assert "passing on" in process.stderr.readline()
        yield process, port
        process.kill()


def ask(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts)


def test_what_is_said_arrives_and_so_does_the_answer(gateway: tuple[subprocess.Popen[str], int]) -> None:
    _, port = gateway
    assert ask(port, b"hello") == b"HELLO"
    large = b"x" * 3_000_000
    assert ask(port, large) == large.upper()


def test_it_ends_when_it_is_told_to(gateway: tuple[subprocess.Popen[str], int]) -> None:
    process, _ = gateway
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 0


def test_a_client_is_hung_up_on_where_nobody_answers() -> None:
    port, nobody = free_port(), free_port()
    command = [sys.executable, "-m", "mwaa_local.aws.forward", str(port), f"127.0.0.1:{nobody}"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        assert ask(port, b"") == b""
        assert "does not answer" in process.stderr.readline()
        process.kill()


@pytest.mark.parametrize("arguments", [["80"], ["eighty", "a:1"], ["80", "a"], ["80", "a:b"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mwaa_local.aws.forward", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 2
