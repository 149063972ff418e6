import shutil
import subprocess
from pathlib import Path

import pytest

from mwaa_local.runtime.visitor_shell import plan_shell

MARK = "(mwaa it's mine) "


@pytest.mark.parametrize("name", ["bash", "zsh", "fish", "sh"])
def test_every_shell_marks_its_prompt_and_finds_the_programs_of_the_environment(
    name: str, tmp_path: Path
) -> None:
    shell = shutil.which(name)
    if shell is None:
        pytest.skip(f"{name} is not installed")
    programs = tmp_path / "the programs"
    plan = plan_shell(Path(shell), programs, MARK, tmp_path)
    for path, text in plan.files:
        path.write_text(text, encoding="utf-8")
    asked = (
        "fish_prompt; echo; echo $PATH[1]; exit 3\n"
        if name == "fish"
        else 'echo "$PS1"; echo "$PATH"; exit 3\n'
    )
    variables = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "dumb", **dict(plan.variables)}
    ended = subprocess.run(
        plan.command, input=asked, env=variables, capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 3
    assert MARK in ended.stdout
    assert str(programs) in ended.stdout


def test_the_users_own_start_file_runs_first(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("PS1='mine> '; export OWN=1\n", encoding="utf-8")
    plan = plan_shell(Path("/bin/bash"), tmp_path, "(mwaa) ", tmp_path)
    for path, text in plan.files:
        path.write_text(text, encoding="utf-8")
    if not Path("/bin/bash").exists():
        pytest.skip("bash is not installed")
    ended = subprocess.run(
        plan.command,
        input='echo "$PS1$OWN"\n',
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.stdout == "(mwaa) mine> 1\n"
