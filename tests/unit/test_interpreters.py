"""Which interpreter is chosen, and what is said when there is none."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.errors import InterpreterError
from mwaa_local.ports import CommandResult
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Search, find_interpreter
from tests.cache_locks import LOCKS
from tests.fakes import FakeCommands, RanCommand

UV = Path("/tools/uv")
AIRFLOW_222 = load_version("2.2.2")


@dataclass(slots=True)
class Machine:
    """A home folder with pretended interpreters in it."""

    root: Path
    commands: FakeCommands = field(default_factory=FakeCommands)
    said: list[str] = field(default_factory=list)

    def add(self, path: str, version: str, **facts: object) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
        answer = {
            "implementation": "CPython",
            "version": version,
            "platform": "linux-x86_64",
            "abi": "abi",
            "executable": str(file),
            "prefix": "/p",
            "base_prefix": "/p",
            "missing": [],
        }
        self.commands.answers[(str(file),)] = CommandResult(0, json.dumps(answer | facts) + "\n", "")
        return file

    def search(self, **environ: str) -> Search:
        variables = {"HOME": str(self.root / "home"), "PATH": str(self.root / "bin"), **environ}
        tools = Toolchain(self.commands, UV, variables, self.said.append, LOCKS)
        return Search(tools, self.root / "cache", (str(self.root / "system"),))

    def programs(self) -> list[str]:
        return [asked.command[0] for asked in self.commands.ran]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.commands.answers[(str(UV),)] = CommandResult(2, "", "error: no network")
    return machine


def test_interpreters_are_tried_from_uv_to_path_to_pyenv_to_the_system(machine: Machine) -> None:
    places = (
        "home/.local/share/uv/python/cpython-3.7.9-linux/bin/python3.7",
        "bin/python3.7",
        "bin/python3",
        "home/.pyenv/versions/3.7.16/bin/python3.7",
        "system/python3.7",
    )
    files = [machine.add(place, "3.7.9") for place in places]
    for expected in files:
        assert find_interpreter(AIRFLOW_222, None, machine.search()).path == expected
        expected.unlink()


def test_the_first_fit_interpreter_ends_the_search(machine: Machine) -> None:
    first = machine.add("bin/python3.7", "3.7.16")
    machine.add("system/python3.7", "3.7.9")
    found = find_interpreter(AIRFLOW_222, None, machine.search())
    assert (found.version, found.source, found.warning) == ("3.7.16", "PATH", "")
    assert machine.programs() == [str(first)]


def test_the_newest_patch_version_of_pyenv_comes_first(machine: Machine) -> None:
    machine.add("home/.pyenv/versions/3.7.9/bin/python3.7", "3.7.9")
    newest = machine.add("home/.pyenv/versions/3.7.16/bin/python3.7", "3.7.16")
    assert find_interpreter(AIRFLOW_222, None, machine.search()).path == newest


def test_pyenv_is_found_where_its_variable_says(machine: Machine) -> None:
    elsewhere = machine.add("elsewhere/versions/3.7.16/bin/python3.7", "3.7.16")
    search = machine.search(PYENV_ROOT=str(machine.root / "elsewhere"))
    assert find_interpreter(AIRFLOW_222, None, search).path == elsewhere


def test_shims_of_pyenv_are_never_run(machine: Machine) -> None:
    machine.add("home/.pyenv/shims/python3.7", "3.7.16")
    real = machine.add("system/python3.7", "3.7.9")
    search = machine.search(PATH=str(machine.root / "home" / ".pyenv" / "shims"))
    assert find_interpreter(AIRFLOW_222, None, search).path == real
    assert machine.programs() == [str(real)]


def test_a_name_is_not_trusted(machine: Machine) -> None:
    machine.add("bin/python3.7", "3.11.2")
    real = machine.add("system/python3.7", "3.7.9")
    assert find_interpreter(AIRFLOW_222, None, machine.search()).path == real


@pytest.mark.parametrize("facts", [{"missing": ["ssl"]}, {"implementation": "PyPy"}])
def test_an_unfit_interpreter_is_passed_over(machine: Machine, facts: dict[str, object]) -> None:
    machine.add("bin/python3.7", "3.7.16", **facts)
    fit = machine.add("system/python3.7", "3.7.9")
    assert find_interpreter(AIRFLOW_222, None, machine.search()).path == fit


def test_a_virtual_environment_gives_way_to_the_interpreter_behind_it(machine: Machine) -> None:
    machine.add("bin/python3.7", "3.7.16", prefix="/venv", base_prefix="/opt/base")
    assert find_interpreter(AIRFLOW_222, None, machine.search()).path == Path("/opt/base/bin/python3.7")


def test_the_answer_is_remembered_until_the_file_changes(machine: Machine) -> None:
    file = machine.add("bin/python3.7", "3.7.9")
    first = find_interpreter(AIRFLOW_222, None, machine.search())
    assert find_interpreter(AIRFLOW_222, None, machine.search()) == first
    assert machine.programs() == [str(file)]
    file.write_text("a newer build")
    machine.add("bin/python3.7", "3.7.16").write_text("a newer build")
    assert find_interpreter(AIRFLOW_222, None, machine.search()).version == "3.7.16"


def test_a_damaged_memory_costs_only_time(machine: Machine) -> None:
    machine.add("bin/python3.7", "3.7.9")
    (machine.root / "cache").mkdir()
    (machine.root / "cache" / "interpreters.json").write_text("[1, 2")
    assert find_interpreter(AIRFLOW_222, None, machine.search()).version == "3.7.9"


def test_uv_installs_the_interpreter_when_there_is_none(machine: Machine) -> None:
    def install(asked: RanCommand) -> CommandResult:
        machine.add("home/.local/share/uv/python/cpython-3.7.9-linux/bin/python3.7", "3.7.9")
        return CommandResult(0, "", "")

    machine.commands.answers[(str(UV), "python", "install", "--no-bin", "3.7")] = install
    found = find_interpreter(AIRFLOW_222, None, machine.search())
    assert (found.source, found.warning) == ("uv", "")
    assert machine.said == ["No Python 3.7 on this machine; asking uv for one."]


def test_a_neighbour_stands_in_with_a_warning(machine: Machine) -> None:
    machine.add("bin/python3.9", "3.9.18")
    found = find_interpreter(AIRFLOW_222, None, machine.search())
    assert found.version == "3.9.18"
    assert found.warning.startswith("Python 3.9.18 stands in for the Python 3.7 that MWAA 2.2.2 runs")


def test_a_remembered_neighbour_gives_way_without_asking_the_network_again(machine: Machine) -> None:
    machine.add("bin/python3.9", "3.9.18")
    find_interpreter(AIRFLOW_222, None, machine.search())
    machine.commands.ran.clear()
    assert find_interpreter(AIRFLOW_222, None, machine.search()).version == "3.9.18"
    assert machine.programs() == []
    machine.add("system/python3.7", "3.7.9")
    assert find_interpreter(AIRFLOW_222, None, machine.search()).version == "3.7.9"


def test_no_interpreter_at_all_is_an_error_that_says_what_to_install(machine: Machine) -> None:
    machine.add("bin/python3.6", "3.6.15")
    with pytest.raises(InterpreterError) as caught:
        find_interpreter(AIRFLOW_222, None, machine.search())
    assert caught.value.message == "Airflow 2.2.2 runs on Python 3.7, and there is none on this machine."
    assert "`uv python install 3.7`" in caught.value.hint


def test_the_setting_wins_over_everything(machine: Machine) -> None:
    machine.add("bin/python3.7", "3.7.16")
    chosen = machine.add("mine/python", "3.7.9")
    found = find_interpreter(AIRFLOW_222, chosen, machine.search())
    assert (found.path, found.source) == (chosen, "setting")


def test_a_setting_with_an_unsupported_python_is_refused(machine: Machine) -> None:
    chosen = machine.add("mine/python", "3.12.1")
    with pytest.raises(InterpreterError) as caught:
        find_interpreter(AIRFLOW_222, chosen, machine.search())
    assert caught.value.message == f"{chosen} is Python 3.12.1; Airflow 2.2.2 runs on Python 3.7."


def test_a_setting_that_is_no_interpreter_is_refused(machine: Machine) -> None:
    with pytest.raises(InterpreterError, match="nowhere/python cannot be used"):
        find_interpreter(AIRFLOW_222, machine.root / "nowhere" / "python", machine.search())
