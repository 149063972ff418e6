"""Runs inside a container of an image's system, with its own Python (3.7 and up): installs what the cache lacks.

    python3 collect_wheels.py UV_VERSION FOLDER PREFIX

FOLDER holds missing.txt (pins that the cache has nothing of), build-constraints.txt, and in `uv` the wheel of uv if the
cache has it; it is put into FOLDER/packages where it has to be fetched. What is installed below PREFIX is then finished
and packed there by finish_packages.py, an archive for each package. Packages without a wheel on the index are built
here, with the compilers and headers of the image.
"""

import ast
import os
import platform
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

TRANSLATIONS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
}
"""uv's variable for an option of pip, and what separates several values."""
PATIENCE = "180"
"""Seconds without an answer of the index."""


def main(uv_version, folder, prefix):
    """Install and pack; return the exit code of what failed."""
    folder = Path(folder)
    # Everybody may write there: the container's user gets the number that it has on the host.
    os.umask(0)
    given = [*folder.glob("uv/uv-*.whl")]
    code = 0 if given else subprocess.call(uv_command(folder, uv_version), env=pip_environ())
    if code:
        return code
    uv = unpack_uv(given[0] if given else next(folder.glob("packages/uv-*.whl")), folder / "uv")
    command = [str(uv), "pip", "install", "--no-deps", "--no-cache", "--link-mode", "hardlink"]
    # The file itself: beside a link uv's environments for builds would look for another Python's library.
    command += ["--python", os.path.realpath(sys.executable), "--prefix", prefix]
    command += ["--requirements", str(folder / "missing.txt")]
    command += ["--build-constraints", str(folder / "build-constraints.txt")]
    code = subprocess.call(command, env=uv_environ())
    if code:
        return code
    finisher = str(folder / "finish_packages.py")
    return subprocess.call([sys.executable, finisher, prefix, str(folder / "packages")])


def pip_environ():
    """Return the environment of the image's own pip."""
    return dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_CACHE_DIR="1")


def uv_environ():
    """Return the environment of uv: it asks the index that pip would ask, and trusts whom pip trusts."""
    told = {"UV_HTTP_TIMEOUT": PATIENCE, "UV_PYTHON_DOWNLOADS": "never", "SSL_CERT_FILE": authorities()}
    listing = [sys.executable, "-m", "pip", "config", "list"]
    known = subprocess.run(listing, env=pip_environ(), stdout=subprocess.PIPE, text=True)
    for line in known.stdout.splitlines():
        place, _, value = line.partition("=")
        variable, separator = TRANSLATIONS.get(place.rpartition(".")[2], ("", ""))
        if variable:
            told[variable] = separator.join(ast.literal_eval(value).split())
    if "UV_INDEX" in told:
        # pip takes the best of all indexes; uv by default takes the first index that knows the name.
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {**told, **os.environ}


def authorities():
    """Return the file of the authorities that pip knows."""
    from pip._vendor import certifi

    return certifi.where()


def uv_command(folder, version):
    """Return the command that fetches uv: a program, which installs for Pythons that its own wheel does not name."""
    target = ["--only-binary", ":all:", "--python-version", "3.12", "--implementation", "py", "--abi", "none"]
    target += ["--platform", "manylinux_2_17_" + platform.machine(), "--no-deps", "--progress-bar", "off"]
    command = [sys.executable, "-m", "pip", "download", *target, "--dest", str(folder / "packages")]
    return [*command, "uv==" + version]


def unpack_uv(wheel, folder):
    """Take the program out of its wheel."""
    with zipfile.ZipFile(str(wheel)) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".data/scripts/uv"))
        program = Path(archive.extract(name, str(folder)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
