"""What runs in a role's container, as far as it needs no container: the user, the variables, what it waits for."""

import json
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.inside_modules import INSIDE, inside

container = inside("container")
environment = inside("container_environment")
requirements = inside("container_requirements")
startup = inside("container_startup")
trial = inside("container_trial")
user = inside("container_user")
waiting = inside("container_waiting")

ME = {"uid": os.getuid(), "gid": os.getgid()}


def orders(**changed: Any) -> dict[str, Any]:
    """Return what a container is told."""
    told = {
        "user": ME,
        "defaults": {"AIRFLOW__CORE__PARALLELISM": "32", "AIRFLOW__DATABASE__POOL": "5"},
        "fixed": {"AIRFLOW_HOME": "/usr/local/airflow", "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"},
        "reserved": ["AIRFLOW_HOME", "MWAA__*"],
        "former": {"AIRFLOW__CORE__POOL": "AIRFLOW__DATABASE__POOL"},
        "roles": {"worker": {"MWAA_AIRFLOW_COMPONENT": "worker"}},
        "database_url": "postgresql+psycopg2://airflow:pa%40ss@postgres:5432/airflow",
    }
    return {**told, **changed}


@pytest.mark.parametrize("arguments", [[], ["wardrobe"], ["exec"], ["exec", "airflow"], ["scheduler", "--"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert container.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: python3 -m mwaa_inside.container scheduler | worker")


def test_without_its_orders_a_container_ends_with_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "SECRET", str(tmp_path / "none.json"))
    assert container.main(["scheduler"]) == 1
    assert capsys.readouterr().err.startswith(f"mwaa-local: {tmp_path}/none.json cannot be read")


def test_the_user_gets_the_hosts_numbers_and_whoever_had_them_loses_them(tmp_path: Path) -> None:
    users, groups = tmp_path / "passwd", tmp_path / "group"
    users.write_text(
        "root:x:0:0:root:/root:/bin/bash\nairflow:x:1000:1000::/usr/local/airflow:/bin/bash\nold:x:501:20::/:/x\n"
    )
    groups.write_text("root:x:0:\nstaff:x:20:\nairflow:x:1000:\n")
    assert user.name_user(501, 20, str(users), str(groups)) == "/usr/local/airflow"
    assert users.read_text().splitlines() == [
        "root:x:0:0:root:/root:/bin/bash",
        "airflow:x:501:20::/usr/local/airflow:/bin/bash",
    ]
    assert "airflow:x:1000:" in groups.read_text()  # the group has a name: it stays
    user.name_user(1000, 1000, str(users), str(groups))
    assert "airflow:x:1000:1000:" in users.read_text()


def test_root_stays_root(tmp_path: Path) -> None:
    assert user.name_user(0, 0, str(tmp_path / "none"), str(tmp_path / "none")) == "/usr/local/airflow"


def test_exports_win_over_defaults_and_lose_against_what_is_fixed_or_reserved() -> None:
    exports = {
        "AIRFLOW__CORE__PARALLELISM": "7",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW_HOME": "/nowhere",
        "MWAA__CORE__X": "1",
        "MINE": "yes",
        "PYTHONPATH": "/mine",
    }
    found = environment.role_environment(orders(), "worker", exports)
    assert found["AIRFLOW__CORE__PARALLELISM"] == "7"
    assert found["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert found["AIRFLOW_HOME"] == "/usr/local/airflow"
    assert (found["MINE"], found["MWAA_AIRFLOW_COMPONENT"]) == ("yes", "worker")
    assert "MWAA__CORE__X" not in found
    assert found["PYTHONPATH"] == f"{INSIDE}:/mine"
    assert found["MWAA_LOCAL_BEAT"] == "/run/mwaa-local/worker.beat"
    assert "MWAA_LOCAL_BEAT" not in environment.role_environment(orders(), "scheduler", {})


def test_an_option_that_is_exported_by_its_former_name_replaces_the_default() -> None:
    found = environment.role_environment(orders(), "worker", {"AIRFLOW__CORE__POOL": "9"})
    assert "AIRFLOW__DATABASE__POOL" not in found
    assert found["AIRFLOW__CORE__POOL"] == "9"
    fixed = orders(fixed={"AIRFLOW__DATABASE__POOL": "3"})
    assert "AIRFLOW__CORE__POOL" not in environment.role_environment(
        fixed, "worker", {"AIRFLOW__CORE__POOL": "9"}
    )


def test_a_command_has_the_roles_variables_but_its_own_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "mine")
    monkeypatch.setenv("MWAA_LOCAL_REQUEST", "{}")
    role = {"TERM": "other", "A": "b", "MWAA_LOCAL_BEAT": "/x"}
    found = environment.for_a_command(role, orders())
    assert (found["TERM"], found["A"], found["MWAA_LOCAL_REQUEST"]) == ("mine", "b", "{}")
    assert "MWAA_LOCAL_BEAT" not in found
    assert found["MWAA_LOCAL_DATABASE_URL"] == orders()["database_url"]


def test_the_script_runs_as_on_mwaa_and_only_its_exports_survive(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "startup.sh"
    script.write_text("echo working\nexport MINE=1\nLOST=2\nunset GONE\nexit 3\n")
    given = {"PATH": os.environ["PATH"], "GONE": "x", "AIRFLOW_HOME": str(tmp_path)}
    assert startup.run_startup_script(str(script), given, ME) == {"MINE": "1"}
    said = capfd.readouterr().out
    assert "working\n" in said
    assert "Finished running startup script. Execution time: 0s.\n" in said
    assert "The startup script ended with exit code 3." in said


@pytest.mark.parametrize(
    ("text", "limit", "reason"),
    [
        ("set -e\nfalse\n", 20, "ended early with exit code 1"),
        ("sleep 30\n", 0.2, "Startup script timed out after 0 seconds."),
    ],
)
def test_a_script_that_is_cut_off_stops_the_container(
    tmp_path: Path, text: str, limit: float, reason: str
) -> None:
    script = tmp_path / "startup.sh"
    script.write_text(text)
    with pytest.raises(startup.StartupFailure, match=reason):
        startup.run_startup_script(str(script), {"PATH": os.environ["PATH"]}, ME, limit)


def test_a_trial_leaves_what_the_wrapper_saw(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "startup.sh").write_text("echo seen\nexit 4\n")
    wrapper = 'source "$1"; echo never'
    told = {"variables": {"A": "b"}, "wrapper": wrapper, "script": str(tmp_path / "startup.sh"), "limit": 20}
    (tmp_path / "orders.json").write_text(json.dumps(told))
    assert trial.main(str(tmp_path)) == 4
    assert capfd.readouterr().out == "seen\n"
    assert b"A=b" in (tmp_path / "out" / "before").read_bytes().split(b"\0")
    told.update(limit=0.2, wrapper="sleep 30")
    (tmp_path / "orders.json").write_text(json.dumps(told))
    assert trial.main(str(tmp_path)) == 124
    assert (tmp_path / "out" / "timed-out").exists()


def test_only_an_airflow_with_users_in_its_database_gets_the_admin_there() -> None:
    orders = {"admin_password": "a password"}
    assert container.login_password(orders, "2.10.3") == "a password"
    assert container.login_password(orders, "1.10.12") == "a password"
    assert container.login_password({}, "2.10.3") == ""
    for version in ("3.0.6", "3.3.1"):
        assert container.login_password(orders, version) == ""


def test_a_role_waits_for_the_database_and_for_aws() -> None:
    assert waiting.wanted_servers(orders()) == [("postgres", 5432), ("aws", 4566)]
    assert waiting.wanted_servers(orders(wait_for=["db:1", "x:2"])) == [("db", 1), ("x", 2)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        waiting.wait_for_servers([server.getsockname()])
    with pytest.raises(waiting.WaitFailure, match=r"nowhere\.invalid:1 does not answer"):
        waiting.wait_for_servers([("nowhere.invalid", 1)], patience=0.05)


def test_a_role_waits_until_this_runs_database_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "migrated"
    monkeypatch.setenv("MWAA_LOCAL_RUN", "r2")
    marker.write_text("r1")  # of the run before
    with pytest.raises(waiting.WaitFailure, match="the database is not ready"):
        waiting.wait_until_migrated(str(marker), patience=0.1)
    later = threading.Timer(0.1, waiting.say_migrated, [str(marker)])
    later.start()
    waiting.wait_until_migrated(str(marker), patience=10)
    later.join()
    monkeypatch.delenv("MWAA_LOCAL_RUN")
    waiting.wait_until_migrated(str(tmp_path / "none"), patience=0)


def test_a_worker_has_the_messages_of_a_killed_predecessor_given_back() -> None:
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(4096).split(b"\r\n")[0])
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/123/queue"
        waiting.release_messages({"MWAA_LOCAL_SQS_QUEUE_URL": url, "MWAA_LOCAL_SERVICE": "worker 2"})
        thread.join()
    assert heard == [b"POST /_mwaa_local/release?consumer=worker%202 HTTP/1.1"]
    waiting.release_messages(
        {"MWAA_LOCAL_SQS_QUEUE_URL": url, "MWAA_LOCAL_SERVICE": "worker"}
    )  # nobody there


def test_only_what_an_installation_changed_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "local"
    (packages / "lib").mkdir(parents=True)
    for name in ("kept", "changed", "gone"):
        (packages / "lib" / name).write_text(name)
    monkeypatch.setattr(requirements, "PACKAGES", str(packages))
    before = requirements.list_files(str(packages))
    (packages / "lib" / "gone").unlink()
    (packages / "lib" / "changed").write_text("differently")
    (packages / "lib" / "new").mkdir()
    (packages / "lib" / "new" / "module.py").touch()
    requirements.pack(before, {}, str(tmp_path / "out"))
    listed = subprocess.run(
        ["tar", "-tf", tmp_path / "out" / "packages.tar"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert listed == ["lib/changed", "lib/new/", "lib/new/module.py"]
    assert (tmp_path / "out" / "removed.txt").read_text() == "lib/gone\n"
