"""Two starts at once never get the same port."""

import socket
import subprocess
import sys
from pathlib import Path

from mwaa_local.adapters.port_claims import PortClaims
from mwaa_local.adapters.sockets import free_port

HOLD = """
import sys
from pathlib import Path
from mwaa_local.adapters.port_claims import PortClaims
print(PortClaims(Path(sys.argv[1])).is_free(int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


def test_a_port_that_another_start_has_chosen_is_not_free_until_that_start_ends(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "ports"), str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not PortClaims(tmp_path / "ports").is_free(port)
        other.kill()
    assert PortClaims(tmp_path / "ports").is_free(port)


def test_the_same_start_may_ask_twice(tmp_path: Path) -> None:
    claims, port = PortClaims(tmp_path), free_port()
    assert claims.is_free(port)
    assert claims.is_free(port)


def test_a_port_on_which_somebody_listens_is_not_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not PortClaims(tmp_path).is_free(server.getsockname()[1])


def test_ports_that_are_picked_differ(tmp_path: Path) -> None:
    first, second = PortClaims(tmp_path), PortClaims(tmp_path)
    picked = [claims.pick(frozenset()) for claims in (first, second) for _ in range(3)]
    assert len(set(picked)) == len(picked)


def test_a_cache_that_cannot_be_written_hinders_no_choice(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert PortClaims(tmp_path / "cache" / "ports").is_free(free_port())
