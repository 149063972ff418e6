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


def main(uv_version, folder):
    """Collect wheels; return pip's exit code."""
    folder = Path(folder)
    wheels = str(folder / "wheels")
    environ = dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_CACHE_DIR="1")
    # Read by the pip that installs what a build needs, too: old packages cannot be built with a new setuptools.
    environ["PIP_CONSTRAINT"] = str(folder / "build-constraints.txt")
    pip = [sys.executable, "-m", "pip"]
    quiet = ["--no-deps", "--progress-bar", "off"]
    missing = folder / "missing.txt"
    if missing.stat().st_size:
        # PEP 517 even for old packages: the image's own Python may have no `wheel`.
        command = [
            *pip,
            "wheel",
            "--use-pep517",
            *quiet,
            "--wheel-dir",
            wheels,
            "--requirement",
            str(missing),
        ]
        code = subprocess.call(command, env=environ)
        if code:
            return code
    if uv_version:
        # uv itself is a program: it installs for Pythons that its own wheel does not name.
        target = [
            "--only-binary",
            ":all:",
            "--python-version",
            "3.12",
            "--implementation",
            "py",
            "--abi",
            "none",
        ]
        target += ["--platform", "manylinux_2_17_" + platform.machine()]
        return subprocess.call(
            [*pip, "download", *quiet, *target, "--dest", wheels, "uv==" + uv_version], env=environ
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
