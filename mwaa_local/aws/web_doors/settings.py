"""What the doors of an environment are told, and how it reaches the endpoint process: arguments, and one variable."""

import argparse
import base64
import logging
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.mwaa_tokens import login_key

KEY_VARIABLE = "MWAA_LOCAL_TOKEN_KEY"
"""Where the endpoint process finds the key of the tokens: command lines and logs are for all to read."""
AUTHORITY = "authority"
"""The folder of the local authority in the user-wide cache."""
SOCKET = "commands.sock"
"""What the command server listens at, in the web server's folder for temporary files."""

LOOPBACK = "127.0.0.1"

log = logging.getLogger("mwaa_local.doors")


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Where the doors are and what lies behind them."""

    environment: str
    version: str
    """Airflow's."""
    port: int
    """Of the doors."""
    web_port: int
    """Of the web server."""
    authority: Path
    """The folder of the local authority."""
    state: Path
    """A private folder for this environment's own certificate."""
    commands: Path
    """The socket of the command server."""
    listen: str = LOOPBACK
    web_host: str = LOOPBACK


def web_server_hostname(port: int) -> str:
    """Return the doors' address as MWAA's API names it: no scheme. With a port, which every client takes."""
    return f"localhost:{port}"


def authority_certificate(cache: Path) -> Path:
    """Return where the certificate is that clients have to trust; it exists once an environment has started."""
    return cache / AUTHORITY / "certificate.pem"


def command_socket(temporary: Path) -> Path:
    """Return the command server's socket in the web server's folder for temporary files."""
    return temporary / SOCKET


def door_arguments(settings: DoorSettings) -> tuple[str, ...]:
    """Return the arguments that the endpoint process needs on top of its own to open the doors."""
    return (
        "--environment",
        settings.environment,
        "--doors-port",
        str(settings.port),
        "--web-port",
        str(settings.web_port),
        "--authority",
        str(settings.authority),
        "--commands",
        str(settings.commands),
    )


def add_door_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the doors to the endpoint's parser."""
    parser.add_argument("--environment", default="", help="name of the MWAA environment")
    parser.add_argument("--doors-port", type=int, default=0, help="serve the web server's doors on this port")
    parser.add_argument("--web-port", type=int, default=0, help="port of Airflow's web server")
    parser.add_argument(
        "--listen", default=LOOPBACK, help="the address to listen at; only in a container another one"
    )
    parser.add_argument("--web-host", default=LOOPBACK, help="where Airflow's web server is")
    parser.add_argument("--authority", type=Path, help="folder of the local certificate authority")
    parser.add_argument("--commands", type=Path, help="socket of the command server")


def read_door_options(options: argparse.Namespace) -> DoorSettings | None:
    """Return the settings in parsed options; None where no doors are asked for."""
    if not options.doors_port:
        return None
    return DoorSettings(
        environment=options.environment,
        version=options.airflow,
        port=options.doors_port,
        web_port=options.web_port,
        authority=options.authority,
        state=options.state,
        commands=options.commands,
        listen=options.listen,
        web_host=options.web_host,
    )


def open_asked_doors(options: argparse.Namespace, key: bytes) -> None:
    """Open the doors that parsed options ask for, beside what the caller does next: nobody waits for them first."""
    settings = read_door_options(options)
    if settings is not None:
        threading.Thread(target=_open, args=(settings, key), daemon=True).start()


def _open(settings: DoorSettings, key: bytes) -> None:
    from mwaa_local.aws.web_doors.listener import open_doors

    try:
        open_doors(settings, key)
    except OSError as error:
        log.error("the web server's doors stay shut: %s", error)


def take_key(environ: MutableMapping[str, str]) -> bytes:
    """Take the key of the tokens out of the process's variables."""
    return parse_key(environ.pop(KEY_VARIABLE, ""))


def parse_key(text: str) -> bytes:
    """Return the key that `secrets.json` holds as text."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def web_variables(settings: DoorSettings, key: str) -> tuple[tuple[str, str], ...]:
    """Return the variables of the web server that `mwaa_inside.command_server` and `web_login` read."""
    return (
        ("MWAA_LOCAL_COMMAND_SOCKET", str(settings.commands)),
        ("MWAA_LOCAL_LOGIN_KEY", login_key(parse_key(key)).hex()),
    )
