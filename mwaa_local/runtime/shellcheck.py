"""Asks shellcheck about a script, where it is installed."""

import json
from pathlib import Path

from mwaa_local.errors import CommandError
from mwaa_local.ports import CommandRunner
from mwaa_local.startup_report import ShellComment

_LIMIT = 60.0


def run_shellcheck(script: Path, commands: CommandRunner) -> tuple[ShellComment, ...] | None:
    """Return shellcheck's comments; None if there is no shellcheck, or it fails."""
    try:
        result = commands.run(["shellcheck", "--format=json", "--shell=bash", str(script)], timeout=_LIMIT)
        comments = json.loads(result.stdout)
    except (CommandError, ValueError):
        return None
    return tuple(
        ShellComment(each["line"], each["column"], each["code"], each["level"], each["message"])
        for each in comments
    )
