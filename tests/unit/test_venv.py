"""What goes into the environment of a version, and where it is kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.errors import EnvironmentBuildError
from mwaa_local.ports import CommandResult
from mwaa_local.runtime.cache_entry import lock_of
from mwaa_local.runtime.cache_folder import cache_folder
from mwaa_local.runtime.installer import Toolchain
from mwaa_local.runtime.interpreters import Interpreter
from mwaa_local.runtime.venv import AirflowEnvironment, LeftOut, ensure_base_environment
from tests.cache_locks import LOCKS
from tests.fakes import FakeCommands, RanCommand

AIRFLOW_222 = load_version("2.2.2")
UV = "/tools/uv"


@dataclass(slots=True)
class Builder:
    """A uv that writes what it is asked to install into a file, and what becomes of that."""

    root: Path
    commands: FakeCommands = field(default_factory=FakeCommands)
    installs: list[list[str]] = field(default_factory=list)
    pins: str = ""
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commands.answers[(UV, "venv")] = self._venv
        self.answer_installs(lambda asked: CommandResult(0, "", ""))

    def answer_installs(self, answer: Callable[[RanCommand], CommandResult]) -> None:
        def install(asked: RanCommand) -> CommandResult:
            self.installs.append(list(asked.command))
            if "--requirements" in asked.command:
                self.pins = Path(asked.command[asked.command.index("--requirements") + 1]).read_text()
            return answer(asked)

        self.commands.answers[(UV, "pip", "install")] = install

    def _venv(self, asked: RanCommand) -> CommandResult:
        scripts = Path(asked.command[-1]) / "bin"
        scripts.mkdir(parents=True)
        for name in ("python", "airflow"):
            (scripts / name).write_text("")
        return CommandResult(0, "", "")

    def build(self, provider: str | None = "2.4.0", python: str = "3.7.16") -> AirflowEnvironment:
        tools = Toolchain(self.commands, Path(UV), self.environ, lambda text: None, LOCKS)
        interpreter = Interpreter(Path("/usr/bin/python3.7"), python, "PATH", "", "linux-x86_64")
        return ensure_base_environment(AIRFLOW_222, provider, interpreter, self.root, tools)


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path)


def test_an_environment_is_built_once(builder: Builder) -> None:
    first = builder.build()
    again = builder.build()
    assert (first.built, again.built) == (True, False)
    assert again.root == first.root
    assert again.left_out == first.left_out
    assert len(builder.installs) == 1


def test_another_provider_or_python_is_another_environment(builder: Builder) -> None:
    keys = {builder.build().key, builder.build("3.4.0").key, builder.build(python="3.7.17").key}
    assert len(keys) == 3


def test_psycopg2_and_pycurl_are_left_out_where_they_have_no_wheels(builder: Builder) -> None:
    assert builder.build().left_out == (
        LeftOut("psycopg2", "psycopg2-binary"),
        LeftOut("pycurl", "mwaa-local"),
    )
    assert "psycopg2-binary==2.9.2\n" in builder.pins
    assert "psycopg2==" not in builder.pins
    assert "pycurl" not in builder.pins


def test_what_is_cached_is_tried_before_the_index(builder: Builder) -> None:
    builder.answer_installs(lambda asked: CommandResult("--offline" in asked.command, "", "not cached"))
    builder.build()
    assert ["--offline" in command for command in builder.installs] == [True, False]


def test_an_unresolved_provider_is_resolved_under_the_constraints(builder: Builder) -> None:
    builder.build("6.0.0")
    last = builder.installs[-1]
    assert {"apache-airflow==2.2.2", "apache-airflow-providers-amazon==6.0.0", "--constraints"} <= set(last)
    assert "--no-deps" not in last


def test_a_failed_build_leaves_nothing_and_the_next_one_works(builder: Builder) -> None:
    builder.answer_installs(lambda asked: CommandResult(1, "", "error: something else"))
    with pytest.raises(EnvironmentBuildError, match=r"Airflow 2\.2\.2 cannot be installed"):
        builder.build()
    assert [path.name for path in (builder.root / "environments").iterdir() if path.is_dir()] == []
    builder.answer_installs(lambda asked: CommandResult(0, "", ""))
    assert builder.build().built


def test_leftovers_of_a_killed_build_are_removed(builder: Builder) -> None:
    name = builder.build().root.name
    partial = builder.root / "environments" / f".{name}.deadbeef.partial"
    (partial / "bin").mkdir(parents=True)
    marker = builder.root / "environments" / name / "environment.json"
    marker.unlink()
    assert builder.build().built
    assert not partial.exists()


def test_a_folder_that_another_command_builds_is_no_leftover(builder: Builder) -> None:
    environments = builder.root / "environments"
    left, busy = environments / ".left-1.deadbeef.partial", environments / ".busy-1.deadbeef.partial"
    left.mkdir(parents=True)
    busy.mkdir()
    with LOCKS.hold(lock_of(environments / "busy-1")):
        builder.build()
    assert (left.exists(), busy.exists()) == (False, True)


def test_an_environment_whose_interpreter_is_gone_is_built_again(builder: Builder) -> None:
    environment = builder.build()
    environment.python.unlink()
    environment.python.symlink_to(builder.root / "removed")
    assert builder.build().built


@pytest.mark.parametrize(
    ("output", "message", "hint"),
    [
        ("write failed: No space left on device (os error 28)", "The disk is full", "Free some space"),
        ("error sending request for url", "the package index cannot be reached", "Check the network"),
        ("hint: ... because the network was disabled.", "UV_OFFLINE is set", "Unset UV_OFFLINE once"),
        ("error: command 'gcc' failed", "has to be compiled", "Install a C compiler"),
    ],
)
def test_each_kind_of_failure_is_told_apart(builder: Builder, output: str, message: str, hint: str) -> None:
    builder.answer_installs(lambda asked: CommandResult(1, "", output))
    with pytest.raises(EnvironmentBuildError) as caught:
        builder.build()
    assert message in caught.value.message
    assert caught.value.hint.startswith(hint)


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_variable(builder: Builder) -> None:
    (builder.root / "environments").write_text("in the way")
    with pytest.raises(EnvironmentBuildError) as caught:
        builder.build()
    assert "MWAA_LOCAL_CACHE" in caught.value.hint


def test_variables_that_would_install_elsewhere_do_not_reach_uv(builder: Builder) -> None:
    tools = Toolchain(
        builder.commands,
        Path(UV),
        {"PIP_USER": "1", "VIRTUAL_ENV": "/v", "KEPT": "1"},
        lambda text: None,
        LOCKS,
    )
    interpreter = Interpreter(Path("/usr/bin/python3.7"), "3.7.16", "PATH", "", "linux-x86_64")
    ensure_base_environment(AIRFLOW_222, "2.4.0", interpreter, builder.root, tools)
    for asked in builder.commands.ran:
        assert asked.env is not None
        assert {"PIP_USER", "VIRTUAL_ENV"}.isdisjoint(asked.env)
        assert asked.env["KEPT"] == "1"


def test_a_user_who_forbids_the_network_is_obeyed(builder: Builder) -> None:
    builder.environ["UV_OFFLINE"] = "1"
    builder.answer_installs(lambda asked: CommandResult(1, "", "the network was disabled"))
    with pytest.raises(EnvironmentBuildError, match="UV_OFFLINE is set"):
        builder.build()
    assert len(builder.installs) == 1
    assert builder.commands.ran[-1].env == {**(builder.commands.ran[-1].env or {}), "UV_OFFLINE": "1"}


def test_the_cache_lies_where_the_system_keeps_caches() -> None:
    home = Path("/home/ada")
    assert cache_folder({}, home, "linux") == Path("/home/ada/.cache/mwaa-local")
    assert cache_folder({}, home, "darwin") == Path("/home/ada/Library/Caches/mwaa-local")
    assert cache_folder({"XDG_CACHE_HOME": "/x"}, home, "linux") == Path("/x/mwaa-local")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}, home, "linux") == Path("/home/ada/.cache/mwaa-local")
    assert cache_folder({"MWAA_LOCAL_CACHE": "/mine", "XDG_CACHE_HOME": "/x"}, home, "linux") == Path("/mine")
