"""Runs the startup script in a role's container as MWAA does: really, as the user, with sudo; only exports survive.

Python 3.7 and up, with the standard library.
"""

import os
import signal
import subprocess
import tempfile
import time

from mwaa_inside.container_user import become_user

LIMIT = 300
"""Seconds; MWAA stops the script after five minutes."""
OF_THE_SHELL = ("_", "PWD", "OLDPWD", "SHLVL", "BASH_FUNC_exit%%", "MWAA_LOCAL_EXPORTS")
# `exit` ends the script, not what comes after it: MWAA takes over what was exported until then.
WRAPPER = """
mwaa_local_dump() { set +eux; command -p env -0 > "$MWAA_LOCAL_EXPORTS"; }
exit() {
    local mwaa_local_code=${1:-$?}
    if [ "$BASH_SUBSHELL" = 0 ]; then mwaa_local_dump; fi
    builtin exit "$mwaa_local_code"
}
source "$1"
mwaa_local_code=$?
mwaa_local_dump
builtin exit "$mwaa_local_code"
"""


class StartupFailure(Exception):
    """The script did not come to its end: on MWAA the component never becomes healthy."""


def run_startup_script(path, environment, user, limit=LIMIT):
    """Run the script and return what it exported or changed; raise StartupFailure if it is cut off."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mwaa-local-startup-") as scratch:
        os.chown(scratch, user["uid"], user["gid"])
        exports = os.path.join(scratch, "exports")
        script = subprocess.Popen(
            ["bash", "-c", WRAPPER, "startup", path],
            env={**environment, "MWAA_LOCAL_EXPORTS": exports},
            cwd=environment.get("AIRFLOW_HOME", "/"),
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: _begin(user),
        )
        try:
            code = script.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(script.pid, signal.SIGKILL)
            script.wait()
            raise StartupFailure("Startup script timed out after {:.0f} seconds.".format(limit)) from None
        print(
            "Finished running startup script. Execution time: {:.0f}s.".format(time.monotonic() - began),
            flush=True,
        )
        if not os.path.exists(exports):
            raise StartupFailure(
                "The startup script ended early with exit code {}: by `set -e`, `exec` or a signal. On MWAA the "
                "component would never become healthy.".format(code)
            )
        if code:
            print("The startup script ended with exit code {}.".format(code), flush=True)
        after = read_variables(exports)
    return {name: value for name, value in after.items() if environment.get(name) != value}


def _begin(user):
    os.setsid()
    become_user(user["uid"], user["gid"])


def read_variables(path):
    """Read what `env -0` wrote, without the shell's own."""
    with open(path, "rb") as stream:
        pairs = (
            item.decode(errors="surrogateescape").partition("=")
            for item in stream.read().split(b"\0")
            if item
        )
        return {name: value for name, _, value in pairs if name not in OF_THE_SHELL}
