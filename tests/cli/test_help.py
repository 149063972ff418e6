import click
import pytest

from mwaa_local.cli.entry import COMMANDS, mwaa_local
from tests.cli.environments import Cli, SeemingEnvironment, report


def test_help_lists_every_command(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.exit_code == 0
    assert shown.stderr == ""
    listed = [line.split()[0] for line in shown.stdout.split("Commands:\n")[1].splitlines()]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_text_that_fits_a_narrow_terminal(name: str, cli: Cli) -> None:
    shown = cli(name, "--help")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Usage: mwaa-local {name} ")
    assert [line for line in shown.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    command = mwaa_local.get_command(click.Context(mwaa_local), name)
    assert command is not None
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_a_misspelt_command_is_wrong_usage_with_the_nearest_one(cli: Cli) -> None:
    failed = cli("strat")
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert "There is no command 'strat'. Did you mean `mwaa-local start`?" in failed.stderr


def test_an_unknown_option_is_wrong_usage(cli: Cli) -> None:
    failed = cli("status", "--jsn")
    assert failed.exit_code == 2
    assert "No such option" in failed.stderr
    assert "--jsn" in failed.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_us(shell: str, cli: Cli) -> None:
    printed = cli("completion", shell)
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert f"_MWAA_LOCAL_COMPLETE={shell}_complete" in printed.stdout


def test_completion_finds_commands(cli_process: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MWAA_LOCAL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "mwaa-local sta")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert cli_process().stdout == "plain,start\nplain,status\nplain,stage\n"


def test_completion_finds_services(
    cli_process: Cli, environment: SeemingEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.run(report("postgres"), report("scheduler"))
    monkeypatch.setenv("_MWAA_LOCAL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "mwaa-local logs sch")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli_process().stdout == "plain,scheduler\n"
