"""What checks of requirements need of this machine: uv, MWAA's Python where there is one, a folder to remember in."""

import os
from collections.abc import Sequence
from pathlib import Path

from mwaa_local.adapters.clock import SystemClock
from mwaa_local.adapters.commands import SystemCommands
from mwaa_local.catalog import MwaaVersion
from mwaa_local.ports import HttpAnswer
from mwaa_local.runtime.cache_folder import cache_folder
from mwaa_local.runtime.index_settings import uv_environ
from mwaa_local.runtime.installer_environ import installer_environ
from mwaa_local.runtime.interpreter_candidates import find_candidates
from mwaa_local.validation.base_environment import BaseEnvironment
from mwaa_local.validation.index_file import with_uv_file
from mwaa_local.validation.resolver import Resolver, ResolverTools
from mwaa_local.validation.resolver_memory import AnswerMemory

__all__ = ["clock", "fetch_file", "make_resolver"]


def make_resolver(base: BaseEnvironment, own_python: str, *, refresh: bool = False) -> Resolver:
    """Return a resolver for one base environment on this machine; `refresh`: remembered answers do not count."""
    from uv import find_uv_bin

    environ = dict(os.environ)
    folder = cache_folder(environ, Path.home()) / "requirements"
    return Resolver(
        base,
        ResolverTools(
            commands=SystemCommands(),
            uv=Path(find_uv_bin()),
            environ=installer_environ(uv_environ(with_uv_file(environ))) | {"UV_PYTHON_DOWNLOADS": "never"},
            folder=folder,
            fetch_metadata=fetch_metadata,
            # Named, because uv's own search can take seconds (pyenv's shims are programs).
            interpreter=_interpreter(base.version, environ) or Path(own_python),
            memory=AnswerMemory(folder / "answers", clock().now, refresh),
        ),
    )


def _interpreter(version: MwaaVersion, environ: dict[str, str]) -> Path | None:
    for candidate in find_candidates(version.python, environ):
        if candidate.path.resolve().name.startswith(f"python{version.python}"):
            return candidate.path
    return None


def fetch_file(url: str) -> HttpAnswer:
    """Fetch a file that the requirements name by its address."""
    # Few files name one, and what speaks HTTPS takes a moment to import.
    from mwaa_local.adapters import remote_files

    return remote_files.fetch_file(url)


def fetch_metadata(urls: Sequence[str]) -> dict[str, str]:
    """Return the METADATA of each wheel by its address; one that cannot be had is left out."""
    from mwaa_local.adapters import metadata_files

    return metadata_files.fetch_metadata(urls)


def clock() -> SystemClock:
    """Return the clock of this machine."""
    return SystemClock()
