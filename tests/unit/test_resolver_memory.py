"""What the resolver has answered is believed for a while, and only where nothing that decides it has changed."""

import os
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.errors import CommandError, RequirementsError
from mwaa_local.ports import CommandResult
from mwaa_local.validation.base_environment import make_base
from mwaa_local.validation.index_choice import choose_indexes, learn_index
from mwaa_local.validation.index_file import with_uv_file
from mwaa_local.validation.requirement_options import FileOptions
from mwaa_local.validation.resolution import Resolution
from mwaa_local.validation.resolver import Question, Resolver, ResolverTools
from mwaa_local.validation.resolver_memory import DAY, AnswerMemory
from tests.fakes import FakeCommands

ANSWER = CommandResult(0, "--index-url https://index.example/simple\npandas==1.3.5\n", "")


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.value = 1_000_000_000.0

    def __call__(self) -> float:
        return self.value


class Place:
    """A resolver with a memory, on answers that are given."""

    def __init__(self, folder: Path, *results: CommandResult, refresh: bool = False) -> None:
        waiting = list(results)
        self.commands = FakeCommands({(str(folder / "uv"),): lambda _: waiting.pop(0)})
        self.time = Time()
        self.folder = folder
        uv = folder / "uv"
        folder.mkdir(exist_ok=True)
        uv.touch()
        os.utime(uv, (1, 1))
        memory = AnswerMemory(folder / "answers", self.time, refresh)
        tools = ResolverTools(self.commands, uv, {}, folder, lambda urls: {}, None, memory)
        self.resolver = Resolver(make_base(load_version("2.2.2"), "2.4.0"), tools)

    def ask(self, *lines: str) -> str:
        options = FileOptions(find_links=(str(self.folder / "links"),))
        answer = self.resolver.resolve(Question(lines, (), options))
        return answer.packages[0].version if isinstance(answer, Resolution) else answer.output

    @property
    def asked(self) -> int:
        return len(self.commands.ran)


def test_a_question_that_was_answered_is_not_put_again(tmp_path: Path) -> None:
    place = Place(tmp_path, ANSWER)
    assert [place.ask("pandas"), place.ask("pandas")] == ["1.3.5", "1.3.5"]
    assert place.asked == 1
    assert place.resolver.asked == place.time.value


def test_another_question_is_put(tmp_path: Path) -> None:
    place = Place(tmp_path, ANSWER, ANSWER)
    place.ask("pandas")
    place.ask("pandas<2")
    assert place.asked == 2


def test_an_answer_is_believed_for_a_day(tmp_path: Path) -> None:
    place = Place(tmp_path, ANSWER, ANSWER)
    place.ask("pandas")
    place.time.value += DAY + 1
    place.ask("pandas")
    assert place.asked == 2


def test_a_refusal_is_believed_for_minutes(tmp_path: Path) -> None:
    refused = CommandResult(1, "", "No solution found")
    place = Place(tmp_path, refused, refused)
    place.ask("pandas")
    place.time.value += 60
    assert place.ask("pandas") == "No solution found"
    assert place.asked == 1
    place.time.value += 3600
    place.ask("pandas")
    assert place.asked == 2


def test_an_index_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    place = Place(tmp_path, CommandResult(2, "", "error: Failed to fetch: `https://index.example/`"), ANSWER)
    place.ask("pandas")
    assert place.ask("pandas") == "1.3.5"


def test_another_wheel_in_a_folder_of_wheels_is_another_question(tmp_path: Path) -> None:
    place = Place(tmp_path, ANSWER, ANSWER)
    (tmp_path / "links").mkdir()
    place.ask("pandas")
    (tmp_path / "links" / "pandas-9-py3-none-any.whl").write_bytes(b"")
    place.ask("pandas")
    assert place.asked == 2


def test_a_branch_may_be_another_tomorrow(tmp_path: Path) -> None:
    place = Place(tmp_path, ANSWER, ANSWER)
    place.ask("x @ git+https://example.invalid/x.git")
    place.ask("x @ git+https://example.invalid/x.git")
    assert place.asked == 2


def test_everything_is_asked_anew_where_that_is_wanted(tmp_path: Path) -> None:
    Place(tmp_path, ANSWER).ask("pandas")
    place = Place(tmp_path, ANSWER, refresh=True)
    place.ask("pandas")
    assert place.asked == 1


def test_damaged_and_old_answers_are_no_failure(tmp_path: Path) -> None:
    memory = AnswerMemory(tmp_path / "answers", Time())
    memory.remember("a", 0, "text")
    (tmp_path / "answers" / "b").write_text("[]")
    os.utime(tmp_path / "answers" / "b", (1, 1))
    assert memory.recall("b") is None
    memory.remember("c", 0, "text")
    assert {file.name for file in (tmp_path / "answers").iterdir()} <= {"a", "c"}


def test_uvs_own_index_is_learned_from_its_answer(tmp_path: Path) -> None:
    choice = choose_indexes(FileOptions(), {}, tmp_path)
    assert choice.table == ""
    learn_index(tmp_path, choice, ANSWER.stdout)
    assert 'url = "https://index.example/simple"\ndefault = true' in (
        choose_indexes(FileOptions(), {}, tmp_path).table
    )


def test_an_index_of_the_users_is_not_learned(tmp_path: Path) -> None:
    named = {"UV_DEFAULT_INDEX": "https://index.example/simple"}
    learn_index(tmp_path, choose_indexes(FileOptions(), named, tmp_path), ANSWER.stdout)
    learn_index(
        tmp_path, choose_indexes(FileOptions(), {}, tmp_path), "--index-url https://a:b@c.example/s\n"
    )
    assert choose_indexes(FileOptions(), {}, tmp_path).table == ""


def test_the_indexes_of_the_users_uv_file_are_asked(tmp_path: Path) -> None:
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").write_text(
        'find-links = ["/wheels"]\n[[index]]\nurl = "https://own.example/simple"\ndefault = true\n'
        '[[index]]\nurl = "https://more.example/simple"\n[pip]\nextra-index-url = ["https://third.example/simple"]\n'
    )
    found = with_uv_file({"HOME": str(tmp_path), "UV_FIND_LINKS": "/mine"}, tmp_path / "none")
    assert found == {
        "HOME": str(tmp_path),
        "UV_DEFAULT_INDEX": "https://own.example/simple",
        "UV_INDEX": "https://more.example/simple https://third.example/simple",
        "UV_FIND_LINKS": "/mine",
    }


def test_a_uv_file_that_is_damaged_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text("index = [")
    assert with_uv_file({"UV_CONFIG_FILE": str(tmp_path / "uv.toml")}, tmp_path / "none").keys() == {
        "UV_CONFIG_FILE"
    }


def test_a_search_without_an_end_is_no_verdict_and_names_what_to_pin(tmp_path: Path) -> None:
    place = Place(tmp_path)

    def give_up(_: object) -> CommandResult:
        raise CommandError("uv took longer than 150 seconds and was ended.")

    place.commands.answers[(str(tmp_path / "uv"),)] = give_up
    with pytest.raises(RequirementsError, match="could not be found out") as caught:
        place.ask("boto3-stubs", "pandas==1.3.5")
    assert "(boto3-stubs)" in caught.value.hint
