"""The command server with a small package in Airflow's place: what it is for others, and how it ends."""

import base64
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.inside_modules import INSIDE

PATIENCE = 30.0
WEB_SERVER = """
import time
from mwaa_inside.command_server import open_door
open_door()
print("open", flush=True)
time.sleep(600)
"""
AIRFLOW = {
    "__init__.py": "",
    "version.py": 'version = "2.9.9"',
    "settings.py": "engine = None",
    "cli/__init__.py": "",
    "cli/cli_parser.py": "",
    "state.py": "seen = []",
    "slow.py": "import os; imported_by = os.getpid()",
    "__main__.py": """
import os, sys, time

def main():
    word = sys.argv[1]
    if word == "echo":
        print(" ".join(sys.argv[2:]))
        print("to the log", file=sys.stderr)
    elif word == "exit":
        sys.exit(sys.argv[2] if len(sys.argv) > 2 else None)
    elif word == "fail":
        raise RuntimeError("no such DAG")
    elif word == "crash":
        print("last words", flush=True)
        os.kill(os.getpid(), 9)
    elif word == "state":
        from airflow import state
        state.seen.append(1)
        os.environ["SEEN"] = os.environ.get("SEEN", "") + "x"
        print(len(state.seen), os.environ["SEEN"], repr(sys.stdin.read()))
    elif word == "slow":
        import airflow.slow
        print("here" if airflow.slow.imported_by == os.getpid() else "before")
    elif word == "threads":
        import starts_threads
        print(len(starts_threads.threads))
    elif word == "background":
        child = os.fork()
        if child == 0:
            time.sleep(600)
        print(child)
    elif word == "many":
        sys.stdout.write("y" * 3_000_000)
    elif word == "wait":
        open(sys.argv[2], "w").write(str(os.getpid()))
        time.sleep(600)
    elif word == "variables":
        print(os.environ.get("MWAA_LOCAL_LOGIN_KEY"), os.getcwd())
""",
}


@dataclass(slots=True)
class Scene:
    """A process in the web server's place, with the command server beside it."""

    folder: Path
    process: subprocess.Popen[str]

    @property
    def socket(self) -> Path:
        return self.folder / "c.sock"

    def run(self, *arguments: str, limit: float = PATIENCE) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.socket))
            request = {"arguments": list(arguments), "limit": limit}
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer: dict[str, Any] = json.loads(stream.readline())
        for name in ("stdout", "stderr"):
            answer[name] = base64.b64decode(answer[name]).decode()
        return answer

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def waiting_command(self) -> int:
        """Begin a command that does not end by itself; return its PID."""
        file = self.folder / "pid"
        threading.Thread(target=self._run_to_any_end, args=("wait", str(file)), daemon=True).start()
        deadline = time.monotonic() + PATIENCE
        while not file.exists() or not file.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return int(file.read_text())

    def _run_to_any_end(self, *arguments: str) -> None:
        try:
            self.run(*arguments)
        except (OSError, ValueError):
            return


@pytest.fixture
def scene() -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(prefix="mwl-commands-"))  # short: a socket's path has a limit
    packages = folder / "env" / "site-packages"
    for name, text in AIRFLOW.items():
        file = packages / "airflow" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (packages / "starts_threads.py").write_text(
        "import threading, time\nthreads = [threading.Thread(target=time.sleep, args=(600,), daemon=True)]\n"
        "threads[0].start()\n"
    )
    start = f"import sys; sys.prefix = {str(folder / 'env')!r}\n{WEB_SERVER}"
    process = subprocess.Popen(
        [sys.executable, "-c", start],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{INSIDE}:{packages}",
            "MWAA_LOCAL_COMMAND_SOCKET": str(folder / "c.sock"),
            "MWAA_LOCAL_LOGIN_KEY": "00",
            "TMPDIR": str(folder),
        },
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    made = Scene(folder, process)
    yield made
    family = made.family() if process.poll() is None else []
    process.kill()
    process.wait()
    process.stdout.close()
    psutil.wait_procs(family, PATIENCE)
    shutil.rmtree(folder)


def test_a_command_gives_its_streams_and_its_exit_code(scene: Scene) -> None:
    assert scene.run("echo", "a b", "c") == {"exit_code": 0, "stdout": "a b c\n", "stderr": "to the log\n"}
    assert scene.run("exit", "words") == {"exit_code": 1, "stdout": "", "stderr": "words\n"}
    assert scene.run("exit")["exit_code"] == 0
    failed = scene.run("fail")
    assert failed["exit_code"] == 1
    assert failed["stderr"].endswith("RuntimeError: no such DAG\n")
    assert len(scene.run("many")["stdout"]) == 3_000_000


def test_a_command_that_crashes_has_an_answer_too(scene: Scene) -> None:
    assert scene.run("crash") == {"exit_code": -9, "stdout": "last words\n", "stderr": ""}
    assert scene.run("echo")["exit_code"] == 0


def test_commands_share_no_state_and_have_no_input(scene: Scene) -> None:
    for _ in range(3):
        assert scene.run("state")["stdout"] == "1 x ''\n"


def test_what_a_command_leaves_in_the_background_holds_nobody_up(scene: Scene) -> None:
    child = psutil.Process(int(scene.run("background")["stdout"]))
    child.kill()


def test_a_module_that_a_command_imports_is_there_for_the_next(scene: Scene) -> None:
    assert scene.run("slow")["stdout"] == "here\n"
    deadline = time.monotonic() + PATIENCE
    while scene.run("slow")["stdout"] != "before\n":
        assert time.monotonic() < deadline


def test_a_module_that_starts_threads_is_not_kept(scene: Scene) -> None:
    deadline = time.monotonic() + PATIENCE
    for _ in range(2):
        assert scene.run("threads")["stdout"] == "1\n"
        while any(process.num_threads() > 1 for process in scene.family()):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_command_that_takes_too_long_is_ended(scene: Scene) -> None:
    answer = scene.run("wait", str(scene.folder / "pid"), limit=0.5)
    assert answer["exit_code"] is None
    assert not psutil.pid_exists(int((scene.folder / "pid").read_text()))


def test_only_this_user_reaches_it_and_the_key_of_sign_ins_is_not_there(scene: Scene) -> None:
    assert stat.S_IMODE(scene.socket.stat().st_mode) == 0o600
    assert scene.run("variables")["stdout"] == f"None {scene.folder}\n"


def test_before_the_first_command_two_processes_sleep(scene: Scene) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(scene.family()) < 2:
        assert time.monotonic() < deadline
    keeper, doorman = scene.family()
    assert keeper.children() == [doorman]
    time.sleep(0.2)
    assert scene.family() == [keeper, doorman]


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_killed_keeper_doorman_or_host_is_replaced(scene: Scene, victim: int) -> None:
    assert scene.run("echo", "before")["exit_code"] == 0
    everybody = scene.family()
    everybody[victim].kill()
    for word in ("after", "again"):
        assert scene.run("echo", word)["stdout"] == f"{word}\n"
    scene.process.kill()
    scene.process.wait()
    _, alive = psutil.wait_procs(everybody, PATIENCE)
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_everything_ends_with_the_web_server_however_it_ends(scene: Scene, number: int) -> None:
    command = psutil.Process(scene.waiting_command())
    family = scene.family()
    assert command in family
    assert len(family) == 5  # keeper, doorman, host, clerk, command
    scene.process.send_signal(number)
    _, alive = psutil.wait_procs(family, PATIENCE)
    assert alive == []
