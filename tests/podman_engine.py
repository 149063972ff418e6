"""Podman's service in a folder of its own, for tests: nobody else uses it, and nothing of it is left."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docker_engine import PATIENCE

LIMITS = '["nofile=4096:4096", "nproc=4096:4096"]'


def missing_podman() -> str:
    """Say why there can be no Podman here; "" if there can."""
    if os.geteuid() != 0:
        return "an engine of our own needs root"
    missing = [name for name in ("podman", "runc", "catatonit") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else ""


@contextmanager
def private_podman() -> Iterator[str]:
    """Run Podman's service in a folder of its own and yield its address; at the end nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="mwl-podman-"))
    address = f"unix://{folder}/socket"
    # crun refuses machines with both versions of control groups; who may not raise limits needs ones below his own.
    settings = (
        f'[containers]\ndefault_ulimits = {LIMITS}\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
    )
    settings += f'events_logger = "file"\n[network]\nnetwork_config_dir = "{folder}/networks"\n'
    (folder / "containers.conf").write_text(settings)
    own = ["podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp"]
    variables = {**os.environ, "CONTAINERS_CONF": f"{folder}/containers.conf"}
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(
            [*own, "system", "service", "--time=0", address], env=variables, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (folder / "socket").is_socket():
            assert service.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield address
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(timeout=PATIENCE)
        subprocess.run([*own, "rm", "--all", "--force", "--time", "0"], env=variables, capture_output=True)
        subprocess.run([*own, "system", "reset", "--force"], env=variables, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
