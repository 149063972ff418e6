"""Which Compose is taken, how it is called, and what is said where there is none."""

import os
import shutil
import stat
from pathlib import Path

import pytest
import yaml

from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.adapters.compose_command import find_client, find_compose
from mwaa_local.config_loading import load_config
from mwaa_local.docker_ports import ComposeOrder
from mwaa_local.errors import EngineError
from mwaa_local.project import find_project
from mwaa_local.runtime.compose_file import build_compose, render_compose
from tests.unit.settings_of_a_project import PLAIN
from tests.unit.test_compose_file import inputs

ADDRESS = "unix:///run/engine.sock"
V2 = '[ "$1 $2" = "compose version" ] && echo 2.29.1 && exit 0'
WITHOUT_PLUGIN = "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1"
V1 = '[ "$1" = version ] && echo 1.29.2 && exit 0'
OLD = "echo 1.21.0"


def place(folder: Path, **programs: str) -> dict[str, str]:
    """Put programs into a folder that is all of PATH but the shell's own tools; return the variables."""
    folder.mkdir()
    for name, text in programs.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder), "COMPOSE_FILE": "mine.yml", "COMPOSE_PROJECT_NAME": "mine"}


@pytest.mark.parametrize(
    ("programs", "name"),
    [
        ({"docker": V2, "docker_compose": V1}, "docker compose 2.29.1"),
        ({"docker": WITHOUT_PLUGIN, "docker_compose": V1}, "docker-compose 1.29.2"),
        ({"docker_compose": "echo v2.30.0"}, "docker-compose 2.30.0"),
    ],
)
def test_the_plugin_is_taken_or_the_program(tmp_path: Path, programs: dict[str, str], name: str) -> None:
    variables = place(tmp_path / "bin", **programs)
    assert find_compose(SystemCommands(), variables, ADDRESS).name == name


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({}, "There is no Compose on this machine."),
        ({"docker": WITHOUT_PLUGIN}, "There is no Compose on this machine."),
        ({"docker_compose": OLD}, "docker-compose 1.21.0 is too old: 1.29 is the first that can be used."),
        ({"docker_compose": "exit 3"}, "There is no Compose on this machine."),
    ],
)
def test_without_one_that_can_be_used_that_is_said(
    tmp_path: Path, programs: dict[str, str], message: str
) -> None:
    with pytest.raises(EngineError) as raised:
        find_compose(SystemCommands(), place(tmp_path / "bin", **programs), ADDRESS)
    assert raised.value.message == message
    assert "--runtime native" in raised.value.hint


def test_it_is_told_engine_project_and_files_and_nothing_that_steers_the_users_own_programs(
    tmp_path: Path,
) -> None:
    said = tmp_path / "said"
    text = f"""{V1}
echo "$@" > {said}; echo "$DOCKER_HOST ${{COMPOSE_FILE-}}${{COMPOSE_PROJECT_NAME-}}${{PYTHONPATH-}}" >> {said}"""
    variables = {**place(tmp_path / "bin", docker_compose=text), "PYTHONPATH": "/packages/of/mine"}
    compose = find_compose(SystemCommands(), variables, ADDRESS)
    compose.up(ComposeOrder("orders", (tmp_path / "a.yml", tmp_path / "b.yml"), tmp_path))
    assert said.read_text().splitlines() == [
        f"--file {tmp_path}/a.yml --file {tmp_path}/b.yml --project-name orders --project-directory {tmp_path} "
        "up --detach --no-build --remove-orphans",
        f"{ADDRESS} ",
    ]


def test_what_it_complains_of_is_shown(tmp_path: Path) -> None:
    text = f"{V1}\necho 'services.worker.frobnicate: Additional property' >&2; exit 15"
    compose = find_compose(SystemCommands(), place(tmp_path / "bin", docker_compose=text), ADDRESS)
    with pytest.raises(EngineError) as raised:
        compose.up(ComposeOrder("orders", (tmp_path / "a.yml",), tmp_path))
    assert raised.value.message == (
        "docker-compose could not start the containers:\n    services.worker.frobnicate: Additional property"
    )


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("services.worker.frobnicate: Additional property", "compose.override.yml"),
        ("(iptables failed: iptables: No chain/target/match by that name.", "restart the engine"),
        ("could not find an available, non-overlapping IPv4 address pool among", "`docker network prune`"),
        ("all predefined address pools have been fully subnetted", "`docker network prune`"),
        ("write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "`docker system df`"),
    ],
)
def test_what_helps_is_said_where_it_is_known(tmp_path: Path, said: str, hint: str) -> None:
    # What it ends with is longer than what is shown.
    text = f"{V1}\necho '{said}' >&2; i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i; done; exit 1"
    compose = find_compose(SystemCommands(), place(tmp_path / "bin", docker_compose=text), ADDRESS)
    with pytest.raises(EngineError) as raised:
        compose.up(ComposeOrder("orders", (tmp_path / "a.yml",), tmp_path))
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("programs", "client"), [(("docker", "podman"), "docker"), (("podman",), "podman"), ((), None)]
)
def test_commands_in_containers_are_run_with_docker_or_podman(
    tmp_path: Path, programs: tuple[str, ...], client: str | None
) -> None:
    variables = place(tmp_path / "bin", **dict.fromkeys(programs, "exit 0"))
    found = find_client(variables, ADDRESS)
    assert (found[0] if found else None) == (client and str(tmp_path / "bin" / client))


@pytest.mark.docker
@pytest.mark.parametrize(("version", "network"), [("2.2.2", "public"), ("3.3.1", "private")])
def test_the_file_is_valid_for_the_compose_of_this_machine(
    tmp_path: Path, version: str, network: str
) -> None:
    program = shutil.which("docker-compose")
    if program is None and os.environ.get("CI") != "true":
        pytest.skip("docker-compose is not installed")
    assert program is not None
    file = tmp_path / "compose.yml"
    config = load_config(find_project(PLAIN), {"version": version}, {}).config
    document = build_compose(inputs(version, network_mode=network, workers="2"))
    for secret in document["secrets"].values():
        secret["file"] = str(file)
    file.write_text(render_compose(document, config), encoding="utf-8")
    answer = SystemCommands().run([program, "--file", str(file), "config"], timeout=60)
    assert answer.exit_code == 0, answer.stderr
    assert set(yaml.safe_load(answer.stdout)["services"]) == set(document["services"])
