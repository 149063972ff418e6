"""An image of a shell and its tools, from the programs of this machine: no registry and no mirror is needed."""

import shutil
import subprocess
import tarfile
from pathlib import Path


def write_busybox(file: Path) -> None:
    """Write an image of a shell and a few tools of this machine, with the libraries that they need."""
    programs = ("sh", "cat", "cp", "sleep", "true")
    found = {Path(str(shutil.which(name))).resolve() for name in programs}
    libraries = set[Path]()
    for program in found:
        listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
        libraries |= {Path(word) for word in listed.split() if word.startswith("/")}
    with tarfile.open(file, "w") as archive:
        for name in programs:
            archive.add(Path(str(shutil.which(name))).resolve(), f"bin/{name}")
        for library in libraries:
            archive.add(library.resolve(), str(library).lstrip("/"))
