"""What git knows about the project: the commit, and whether the files are what it holds."""

from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandRunner

TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class GitFacts:
    """The state of the working tree below the project's folder; `commit` is empty before the first one."""

    commit: str
    branch: str
    """Empty on a detached HEAD, as in most pipelines."""
    changed: int
    """Files that differ from the commit or are unknown to git, ignored ones not counted."""

    @property
    def dirty(self) -> bool:
        """Tell whether the files are not those of the commit."""
        return self.changed > 0


def read_git(root: Path, commands: CommandRunner) -> GitFacts | None:
    """Ask git about a folder; None where there is no git, no repository, or git does not answer."""
    try:
        status = commands.run(
            [
                "git",
                "--no-optional-locks",
                "-C",
                str(root),
                "status",
                "--porcelain=v2",
                "--branch",
                "--untracked-files=all",
                "-z",
                "--",
                ".",
                ":(exclude).mwaa-local",
            ],
            timeout=TIMEOUT,
        )
    except CommandError:
        return None
    return parse_status(status.stdout) if status.exit_code == 0 else None


def is_in_git(root: Path) -> bool:
    """Tell whether a folder seems to lie in a working tree: where it does not, git need not be asked."""
    return any((folder / ".git").exists() for folder in (root, *root.parents))


def parse_status(text: str) -> GitFacts:
    """Turn the output of `git status --porcelain=v2 --branch -z` into facts."""
    commit = branch = ""
    changed = 0
    entries = iter(text.split("\0"))
    for entry in entries:
        if entry.startswith("# branch.oid "):
            oid = entry.removeprefix("# branch.oid ")
            commit = "" if oid == "(initial)" else oid
        elif entry.startswith("# branch.head "):
            head = entry.removeprefix("# branch.head ")
            branch = "" if head == "(detached)" else head
        elif entry[:2] in ("1 ", "2 ", "u ", "? "):
            changed += 1
            if entry.startswith("2 "):
                next(entries, None)  # where it was renamed from
    return GitFacts(commit, branch, changed)
