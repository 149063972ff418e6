"""An engine that ends, or ends a step, while it builds: one clear error."""

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from mwaa_local.adapters.docker_engine import SdkEngine, connect_engine
from mwaa_local.docker_ports import BuildOrder
from mwaa_local.errors import EngineError, ImageBuildError

VERSION = {"ApiVersion": "1.41", "Version": "20.10"}
STEP = {"stream": "Step 6/7 : RUN sh install.sh\n"}
DOCKER = {"error": "The command '/bin/sh -c sh install.sh' returned a non-zero code: 137"}
PODMAN = {"error": 'building at STEP "RUN sh install.sh": while running runtime: container exited on killed'}
MISSING = {"error": "The command '/bin/sh -c sh install.sh' returned a non-zero code: 100"}


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine that answers a build with a step and, if it lives so long, with how that ended."""

    daemon_threads = True
    outcome: dict[str, str] | None = None


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        body = json.dumps(VERSION).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.send_part(STEP)
        if self.server.outcome is not None:
            self.send_part(self.server.outcome)
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def send_part(self, document: dict[str, str]) -> None:
        text = json.dumps(document).encode() + b"\r\n"
        self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Engine]:
    with (
        tempfile.TemporaryDirectory(prefix="mwl-") as folder,
        Engine(f"{folder}/socket", Answer) as running,
    ):
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def engine(server: Engine) -> Iterator[SdkEngine]:
    connected = connect_engine({"DOCKER_HOST": f"unix://{server.server_address!s}"}, Path("/nowhere"), 0)
    yield connected
    connected.close()


def build(engine: SdkEngine, folder: Path) -> list[str]:
    context, lines = folder / "context.tar", list[str]()
    context.write_bytes(b"\0" * 1024)
    engine.build(BuildOrder(context, "system", "a:1", (), (), "linux/amd64"), lines.append)
    return lines


def test_an_engine_that_ends_in_a_build_is_lost(engine: SdkEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        build(engine, tmp_path)
    assert raised.value.message == "The container engine was lost, building an image: its answer broke off"
    assert raised.value.hint == "see that it still runs, then run the command again"


@pytest.mark.parametrize(
    ("outcome", "hint"),
    [
        (DOCKER, "the engine was stopped, or short of memory"),
        (PODMAN, "the engine was stopped, or short of memory"),
        (MISSING, "the lines above are the step's own"),
    ],
)
def test_a_step_that_was_killed_is_told_from_one_that_failed(
    server: Engine, engine: SdkEngine, tmp_path: Path, outcome: dict[str, str], hint: str
) -> None:
    server.outcome = outcome
    with pytest.raises(ImageBuildError, match=r"`RUN sh install\.sh` failed") as raised:
        build(engine, tmp_path)
    assert raised.value.hint.startswith(hint)
