"""What runs from an exported Compose file, without mwaa-local, and a neighbour that stands for the world."""

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.container_environment import ContainerEnvironment
from tests.e2e.local_environment import eventually

ENTRY = ("python3", "-m", "mwaa_inside.container", "exec", "--")


@dataclass(frozen=True, slots=True)
class ExportedEnvironment:
    """What a Compose file of ours has started, and where somebody is who is as far away as the rest of the world."""

    compose: tuple[str, ...]
    address: str
    data: Path
    ports: dict[str, int]

    def reaches_world(self, service: str) -> bool:
        """Tell whether a service has a way out."""
        return self.succeeds(
            service, "python3", "-c", f"import socket; socket.create_connection(('{self.address}', 8000), 3)"
        )

    def see_workers_come_and_go(self, go: Path) -> None:
        """Run two tasks that wait for a file: the second worker works as long as they do."""
        go.unlink(missing_ok=True)
        trigger = (*ENTRY, "airflow", "dags", "trigger", "waiting")
        duty = self.data / "run" / "beats" / "worker-2.duty"
        assert duty.read_text() == "parked"
        eventually(lambda: self.succeeds("scheduler", *trigger), "the DAG is known")
        eventually(lambda: duty.read_text() == "working", "another worker comes with the tasks")
        go.touch()
        eventually(lambda: duty.read_text() == "parked", "it goes with the tasks")

    def is_healthy(self) -> bool:
        """Tell whether the web server answers, at its port and through its door."""
        trusted = self.data / "authority" / "certificate.pem"
        secure = ssl.create_default_context(cafile=trusted)
        pages = (fetch(self.ports["webserver"], None), fetch(self.ports["doors"], secure))
        return all("healthy" in page for page in pages)

    def succeeds(self, service: str, *command: str) -> bool:
        """Run a command in a container; tell whether it succeeds."""
        whole = [*self.compose, "exec", "-T", service, *command]
        return subprocess.run(whole, capture_output=True, check=False).returncode == 0


@contextmanager
def run_exported(
    environment: ContainerEnvironment, file: Path, *options: str
) -> Iterator[ExportedEnvironment]:
    """Export an environment, run the file without mwaa-local, and remove what that has made."""
    options += ("--airflow-option", "core.dags_are_paused_at_creation=False")
    environment.succeed("compose", "export", "--output", str(file), *options)
    name = f"exported-{os.getpid()}"
    compose = ("docker-compose", "--host", environment.engine, "--file", str(file), "--project-name", name)
    subprocess.run([*compose, "up", "--detach"], check=True, capture_output=True)
    # Only on the network that leads out.
    base = environment.variables["MWAA_LOCAL_BASE_IMAGE"]
    server = ["python3", "-m", "http.server", "8000"]
    world = environment.docker("run", "--detach", "--rm", "--network", f"{name}_outer", base, *server).strip()
    try:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = environment.docker("inspect", "--format", form, world).strip()
        ports = json.loads((environment.state / "ports.json").read_text())
        yield ExportedEnvironment(compose, address, file.with_name(f"{file.stem}.data"), ports)
    finally:
        environment.docker("rm", "--force", world)
        subprocess.run([*compose, "down", "--volumes"], check=True, capture_output=True)


def fetch(port: int, secure: ssl.SSLContext | None) -> str:
    """Return what is said of the health at a port, "" while nobody answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            plain.settimeout(10)
            with secure.wrap_socket(plain, server_hostname="localhost") if secure else plain as connection:
                connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
                parts = iter(lambda: connection.recv(65536), b"")
                return b"".join(parts).decode()
    except OSError:
        return ""
