"""moto's own S3 server, without anything of ours: what both sides of a comparison talk to."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.timing import PATIENCE


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Run moto's own server, without anything of ours."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "--port", str(port)]
    with (
        (folder / "moto.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_up(url)
            yield url
        finally:
            process.kill()


def wait_until_up(url: str) -> None:
    """Wait until somebody answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
