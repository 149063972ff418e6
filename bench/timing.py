"""Runs a command to its end and tells how long it took."""

import os
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

PATIENCE = 900.0


def run_timed(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str] | None = None,
    expected: Collection[int] = (0,),
) -> tuple[float, str]:
    """Return the seconds and what it printed to stdout; `variables` are added to ours.

    Raises RuntimeError with the output if it ends with another code than those `expected`.
    """
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )
    took = time.monotonic() - began
    if done.returncode not in expected:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return took, done.stdout
