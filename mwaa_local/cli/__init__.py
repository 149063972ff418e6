"""The `mwaa-local` command: parses, calls, shows; the only place that prints and that chooses exit codes.

This module stays quick to import: each command's module is imported when the command runs, and `--help` needs none.
"""

import signal
import sys

__all__ = ["main"]

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    try:
        from mwaa_local.cli.entry import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    # Whoever presses Ctrl-C once more, while Python ends, must not get a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)
