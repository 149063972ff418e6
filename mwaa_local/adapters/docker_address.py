"""Where a container engine listens: what the user says, else the sockets that Docker and Podman are known to have."""

import json
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

_PATIENCE = 2.0


def find_address(environ: Mapping[str, str], home: Path, uid: int) -> str | None:
    """Return the address of the engine: DOCKER_HOST, the context in use, or the first socket that answers.

    Where none answers it is the first socket there is, so that it can be said what is wrong with it.
    """
    if environ.get("DOCKER_HOST"):
        return environ["DOCKER_HOST"]
    chosen = _context_address(environ, home)
    if chosen:
        return chosen
    sockets = [path for path in _sockets(environ, home, uid) if _is_socket(path)]
    if not sockets:
        return None
    return f"unix://{next((path for path in sockets if _answers(path)), sockets[0])}"


def _context_address(environ: Mapping[str, str], home: Path) -> str | None:
    """Return where the context points that `docker context use` has chosen; None for the default one."""
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    try:
        chosen = environ.get("DOCKER_CONTEXT") or json.loads((folder / "config.json").read_bytes()).get(
            "currentContext"
        )
        for file in (folder / "contexts" / "meta").glob("*/meta.json"):
            document = json.loads(file.read_bytes())
            if document["Name"] == chosen:
                return str(document["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return None


def _sockets(environ: Mapping[str, str], home: Path, uid: int) -> Iterator[Path]:
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}")
    yield Path("/var/run/docker.sock")
    yield runtime / "docker.sock"
    yield home / ".docker" / "run" / "docker.sock"
    yield home / ".colima" / "default" / "docker.sock"
    yield runtime / "podman" / "podman.sock"
    yield Path("/run/podman/podman.sock")


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def _answers(path: Path) -> bool:
    """Tell whether somebody listens there for us: an engine may have ended, or belong to others."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
