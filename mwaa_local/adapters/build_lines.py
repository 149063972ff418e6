"""What engines say while they build, in one form: Podman counts its steps in other words than Docker."""

import re
from collections.abc import Iterator

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""Docker's builder has what a step writes to stderr in red."""
_PODMAN = re.compile(r"(?:\[\d+/\d+\] )?STEP (\d+(?:/\d+)?): (.*)")
"""`STEP 2/7: RUN x`, with the stage before it where there are several: `[1/3] STEP 2/7: RUN x`."""


def build_lines(text: str) -> Iterator[str]:
    """Yield the lines of a part of a build's output without colours, and without those that are empty."""
    for line in _COLOUR.sub("", text).splitlines():
        if line.strip():
            yield as_docker_says(line)


def as_docker_says(line: str) -> str:
    """Return a line of a build as Docker would have said it: steps as `Step 2/7 : RUN x`, all else as it is."""
    step = _PODMAN.fullmatch(line)
    return f"Step {step[1]} : {step[2]}" if step else line
