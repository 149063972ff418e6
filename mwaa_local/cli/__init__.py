"""The `mwaa-local` command: parses, calls, shows; the only place that prints and that chooses exit codes.

This module stays quick to import: each command's module is imported when the command runs, and `--help` needs none.
"""

import sys

from mwaa_local.cli.entry import run

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))
