"""ComposeProgram over whichever Compose the machine has: `docker compose` (v2), or docker-compose from 1.29 on."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from mwaa_local.docker_ports import MAKE_ROOM, ComposeOrder, tells_of_full_disk
from mwaa_local.errors import CommandError, EngineError
from mwaa_local.ports import CommandRunner

LEAST = (1, 29)
"""The first docker-compose that takes a file without a version and waits for what a service depends on."""
PATIENCE = 20.0
UP_PATIENCE = 600.0
_CANDIDATES = (("docker", "compose"), ("docker-compose",))
_STEERING = ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME", "COMPOSE_ENV_FILES")
"""Variables by which users steer their own Compose projects."""
_OF_ANOTHER_PYTHON = ("PYTHONPATH", "PYTHONHOME")
"""docker-compose 1.29 is a Python program, which breaks with the packages that somebody has put before its own."""
_KEPT = 15
_INSTALL = (
    "install Docker's Compose plugin, or docker-compose 1.29 (Debian, pip); `--runtime native` needs neither"
)
_NO_NETWORK = "remove networks that nobody uses: `docker network prune`"
_HINTS = {
    "No chain/target/match by that name": "another program has removed the engine's rules from the firewall: "
    "restart the engine (`sudo systemctl restart docker`)",
    "non-overlapping IPv4 address pool": _NO_NETWORK,
    "predefined address pools have been fully subnetted": _NO_NETWORK,
}
"""What engines say that cannot start a container, and what helps."""


@dataclass(frozen=True, slots=True)
class InstalledCompose:
    """A Compose program that answers."""

    command: tuple[str, ...]
    version: str
    commands: CommandRunner
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return what it is."""
        return f"{' '.join(self.command)} {self.version}"

    def up(self, order: ComposeOrder) -> None:
        """Create and start what a project consists of."""
        files = [part for file in order.files for part in ("--file", str(file))]
        options = ["--project-name", order.project, "--project-directory", str(order.folder)]
        orphans = [] if order.keeps_orphans else ["--remove-orphans"]
        said: list[str] = []
        code = self.commands.stream(
            [*self.command, *files, *options, "up", "--detach", "--no-build", *orphans],
            said.append,
            env=self.environ,
            cwd=order.folder,
            timeout=UP_PATIENCE,
        )
        if code != 0:
            shown = "\n".join(f"    {line}" for line in said[-_KEPT:])
            raise EngineError(
                f"{' '.join(self.command)} could not start the containers:\n{shown}",
                hint=find_hint("\n".join(said)),
            )


def find_hint(said: str) -> str:
    """Return what helps where Compose has failed, by what it said."""
    if tells_of_full_disk(said):
        return MAKE_ROOM
    known = (hint for words, hint in _HINTS.items() if words in said)
    return next(known, "if it is about compose.override.yml, correct that; else run `mwaa-local doctor`")


def find_compose(commands: CommandRunner, environ: Mapping[str, str], address: str) -> InstalledCompose:
    """Return the Compose of this machine, to be used with the engine at `address`; EngineError if there is none."""
    kept = {name: value for name, value in environ.items() if name not in (*_STEERING, *_OF_ANOTHER_PYTHON)}
    variables = {**kept, "DOCKER_HOST": address}
    found: list[str] = []
    for command in _CANDIDATES:
        version = ask_version(command, commands, variables)
        if version and _numbers(version) >= LEAST:
            return InstalledCompose(command, version, commands, variables)
        if version:
            found.append(f"{' '.join(command)} {version}")
    if found:
        raise EngineError(
            f"{' and '.join(found)} is too old: 1.29 is the first that can be used.", hint=_INSTALL
        )
    raise EngineError("There is no Compose on this machine.", hint=_INSTALL)


def ask_version(command: tuple[str, ...], commands: CommandRunner, environ: Mapping[str, str]) -> str:
    """Return the version of a Compose program, "" if it is not there or does not work."""
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        return ""
    try:
        answer = commands.run([*command, "version", "--short"], env=environ, timeout=PATIENCE)
    except CommandError:
        return ""
    match = re.match(r"v?(\d+\.\d+[\w.+~-]*)", answer.stdout.strip())
    return match[1] if match and answer.exit_code == 0 else ""


def find_client(environ: Mapping[str, str], address: str) -> tuple[str, ...] | None:
    """Return the program with which commands are run in containers, and how it finds the engine; None without one."""
    docker = shutil.which("docker", path=environ.get("PATH"))
    if docker is not None:
        return docker, "--host", address
    podman = shutil.which("podman", path=environ.get("PATH"))
    return None if podman is None else (podman, "--url", address)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
