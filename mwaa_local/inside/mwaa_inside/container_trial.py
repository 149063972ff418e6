"""Runs a startup script in a container that is thrown away, as MWAA does, and keeps what can be seen of it.

    python3 -m mwaa_inside.container_trial FOLDER

FOLDER/orders.json has the shell code around the script, its variables and its limit; FOLDER/out gets the variables
before it and what the shell code leaves. The exit code is the script's, 124 if it took too long. Python 3.7 and up.
"""

import json
import os
import signal
import subprocess
import sys

TOO_LONG = 124


def main(folder):
    """Run the script; return its exit code."""
    with open(os.path.join(folder, "orders.json"), encoding="utf-8") as stream:
        orders = json.load(stream)
    out = os.path.join(folder, "out")
    environment = {**os.environ, **orders["variables"]}
    with open(os.path.join(out, "before"), "wb") as stream:
        pairs = (os.fsencode("{}={}".format(name, value)) for name, value in environment.items())
        stream.write(b"\0".join(pairs))
    places = {
        "MWAA_LOCAL_EXPORTS": "exports",
        "MWAA_LOCAL_UNEXPORTED": "unexported",
        "MWAA_LOCAL_RECORD": "record",
    }
    environment.update({name: os.path.join(out, file) for name, file in places.items()})
    script = subprocess.Popen(
        ["bash", "-c", orders["wrapper"], "startup", orders["script"]],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        code = script.wait(timeout=orders["limit"])
    except subprocess.TimeoutExpired:
        os.killpg(script.pid, signal.SIGKILL)
        script.wait()
        code = TOO_LONG
        open(os.path.join(out, "timed-out"), "w").close()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
