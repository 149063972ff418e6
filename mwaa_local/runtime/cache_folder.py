"""Where a user's cache lies."""

import sys
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """Return the user-wide folder for environments and everything else that projects share."""
    if environ.get("MWAA_LOCAL_CACHE"):
        return Path(environ["MWAA_LOCAL_CACHE"]).expanduser().absolute()
    # The XDG specification: a relative path is to be ignored.
    if environ.get("XDG_CACHE_HOME", "").startswith("/"):
        return Path(environ["XDG_CACHE_HOME"]) / "mwaa-local"
    return home / ("Library/Caches" if platform == "darwin" else ".cache") / "mwaa-local"
