"""How each shell is told to run the user's own start files first, then to mark its prompt and find our programs.

The start files set PATH and the prompt, so ours must come after them; every shell has another way for that.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ShellPlan:
    """The command, what is added to its variables, and the files that it reads."""

    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    files: tuple[tuple[Path, str], ...]


def plan_shell(shell: Path, programs: Path, mark: str, folder: Path) -> ShellPlan:
    """Return how to start an interactive shell with `programs` first in PATH; `folder` is for its start files."""
    first, said = shlex.quote(str(programs)), shlex.quote(mark)
    match shell.name:
        case "bash":
            file = folder / "bashrc"
            text = f'[ -f ~/.bashrc ] && . ~/.bashrc\nexport PATH={first}:"$PATH"\nPS1={said}"$PS1"\n'
            return ShellPlan((str(shell), "--rcfile", str(file), "-i"), (), ((file, text),))
        case "zsh":
            text = (
                "unset ZDOTDIR\n[ -f ~/.zshrc ] && . ~/.zshrc\n"
                f'export PATH={first}:"$PATH"\nPROMPT={said}"$PROMPT"\n'
            )
            return ShellPlan((str(shell), "-i"), (("ZDOTDIR", str(folder)),), ((folder / ".zshrc", text),))
        case "fish":
            text = (
                f"set -gx PATH {first} $PATH; functions -c fish_prompt mwaa_local_prompt; "
                f"function fish_prompt; printf %s {said}; mwaa_local_prompt; end"
            )
            return ShellPlan((str(shell), "-i", "-C", text), (), ())
        case _:
            file = folder / "shrc"
            text = f'export PATH={first}:"$PATH"\nPS1={shlex.quote(mark + "$ ")}\n'
            return ShellPlan((str(shell), "-i"), (("ENV", str(file)),), ((file, text),))
