"""Installs requirements in a container that is thrown away and tries out what they leave, step by step.

    python3 -m mwaa_inside.container_requirements_trial FOLDER

FOLDER/orders.json has the orders of `container_requirements` and the steps, each a name and a command; FOLDER/out gets
results.json. Python 3.7 and up.
"""

import json
import os
import subprocess
import sys

from mwaa_inside import container_requirements as installation

NEW = "{new}"
"""Stands in a command for the packages that the requirements have brought."""


def main(folder):
    """Install, try out, write what happened; the exit code is 0 as long as that could be done."""
    with open(os.path.join(folder, "orders.json"), encoding="utf-8") as stream:
        orders = json.load(stream)
    environment = {**os.environ, **orders["variables"]}
    before, known = installation.installed_versions(), check(environment)
    code = installation.main(folder)
    after = installation.installed_versions()
    new = [name for name, version in sorted(after.items()) if before.get(name) != version]
    results = {
        "install": code,
        "complaints": [line for line in check(environment) if line not in known],
        "changes": [(name, before.get(name), after[name]) for name in new],
        "steps": {},
    }
    for name, command in orders["steps"] if code == 0 else ():
        words = [word for part in command for word in (new if part == NEW else [part])]
        results["steps"][name] = run(words, environment, orders["step_limit"])
        if name == "cli" and results["steps"][name]["exit_code"]:
            break
    with open(os.path.join(folder, "out", "results.json"), "w", encoding="utf-8") as stream:
        json.dump(results, stream)
    return 0


def check(environment):
    """Return what pip says of packages without what they need."""
    lines = run(["pip3", "check"], environment, 180)["stdout"].splitlines()
    return [line for line in lines if " has requirement " in line or " requires " in line]


def run(command, environment, limit):
    """Run a command and return what came of it; what takes too long has failed."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"exit_code": 1, "stdout": "", "stderr": "took longer than {} s".format(limit)}
    except OSError as error:
        return {"exit_code": 1, "stdout": "", "stderr": str(error)}
    texts = {name: getattr(done, name).decode("utf-8", "replace") for name in ("stdout", "stderr")}
    return {"exit_code": done.returncode, **texts}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
