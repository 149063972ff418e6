"""Runs inside a container of an image's system, with its own Python (3.7 and up): makes a wheel of each pin.

    python3 collect_wheels.py UV_VERSION FOLDER

FOLDER holds missing.txt (pins that the cache has no wheel of) and build-constraints.txt; the wheels are put into
FOLDER/wheels. Packages without a wheel on the index are built here, with the compilers and headers of the image.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

AT_ONCE = 4
"""So many pips: most of the time each one waits, for the index or for a compiler."""


def main(uv_version, folder):
    """Collect wheels; return the exit code of the first pip that failed."""
    folder = Path(folder)
    environ = dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_CACHE_DIR="1")
    # Read by the pip that installs what a build needs, too: old packages cannot be built with a new setuptools.
    environ["PIP_CONSTRAINT"] = str(folder / "build-constraints.txt")
    pins = (folder / "missing.txt").read_text().split()
    commands = [wheel_command(folder, part, pins[part::AT_ONCE]) for part in range(AT_ONCE) if pins[part:]]
    if uv_version:
        commands.append(uv_command(folder, uv_version))
    running = [subprocess.Popen(command, env=environ) for command in commands]
    return next((code for code in [process.wait() for process in running] if code), 0)


def wheel_command(folder, part, pins):
    """Return the command that makes the wheels of some of the pins."""
    file = folder / (f"missing-{part}.txt")
    file.write_text("\n".join(pins) + "\n")
    # PEP 517 even for old packages: the image's own Python may have no `wheel`.
    return pip("wheel", "--use-pep517", "--wheel-dir", str(folder / "wheels"), "--requirement", str(file))


def uv_command(folder, version):
    """Return the command that fetches uv: a program, which installs for Pythons that its own wheel does not name."""
    target = ["--only-binary", ":all:", "--python-version", "3.12", "--implementation", "py", "--abi", "none"]
    target += ["--platform", f"manylinux_2_17_{platform.machine()}"]
    return pip("download", *target, "--dest", str(folder / "wheels"), "uv==" + version)


def pip(*arguments):
    """Return a command of the image's own pip."""
    return [sys.executable, "-m", "pip", arguments[0], "--no-deps", "--progress-bar", "off", *arguments[1:]]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
