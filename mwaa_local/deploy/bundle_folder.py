"""The folder of a bundle: `wheels/` (what goes into plugins.zip) and packaged_requirements.txt; whole, or as it was."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mwaa_local.deploy.requirements_bundle import PACKAGED_FILE
from mwaa_local.errors import MwaaLocalError, UsageError

WHEELS = "wheels"


@contextmanager
def new_bundle(target: Path) -> Iterator[Path]:
    """Give an empty folder to make the bundle in; it takes the place of `target` when everything went well."""
    if target.exists() and not _is_ours(target):
        raise UsageError(
            f"{target} is there and holds something else.", hint="Name another folder with --output."
        )
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / WHEELS).mkdir(parents=True)
        yield partial
        old = target.with_name(f".{target.name}.{os.getpid()}.old")
        if target.exists():
            target.rename(old)
        partial.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise MwaaLocalError(
            f"{target} cannot be written: {error.strerror or error}.",
            hint="Name another folder, or make room.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / PACKAGED_FILE).is_file() or not any(folder.iterdir()))
