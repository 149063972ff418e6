"""Becomes another program: its exit code, signals and streams are then nobody's but its own."""

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from mwaa_local.errors import CommandError


def become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process; CommandError if the program cannot be started."""
    try:
        os.execve(command[0], list(command), dict(environment))  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise CommandError(
            f"{command[0]} cannot be started: {error.strerror or error}.",
            hint="make the environment anew: mwaa-local restart",
        ) from error
