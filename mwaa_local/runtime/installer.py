"""Runs uv (and, for Airflow 1.10, the environment's own pip), and turns what they say into our errors."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import EnvironmentBuildError, MwaaLocalError
from mwaa_local.ports import CommandResult, CommandRunner
from mwaa_local.runtime.cache_entry import Locks, disk_full, is_disk_full
from mwaa_local.runtime.installer_environ import installer_environ

_OFFLINE_SIGNS = re.compile(r"network (was|connectivity is) disabled", re.IGNORECASE)
"""What uv says when UV_OFFLINE is set and its cache lacks something."""
_NETWORK_SIGNS = re.compile(
    r"failed to (fetch|lookup address)|error sending request|dns error|connection (refused|reset|timed out|error)|"
    r"could not connect|network is unreachable|request (failed|timed out)|operation timed out|"
    r"temporary failure in name resolution|max retries exceeded|NewConnectionError|invalid peer certificate",
    re.IGNORECASE,
)
_COMPILER_SIGNS = re.compile(
    r"(gcc|g\+\+|cc|clang|pg_config|curl-config)['’]?:? (failed|not found|No such file|command not found)|"
    r"unable to execute|\.h: No such file|pg_config executable not found|Microsoft Visual",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What building an environment needs from outside."""

    commands: CommandRunner
    uv: Path
    environ: Mapping[str, str]
    """Of the user, with the index settings of uv (`index_settings.uv_environ`)."""
    notify: Callable[[str], None]
    """Says what is happening, to people."""
    locks: Locks


def run_uv(
    tools: Toolchain,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    timeout: float | None = None,
    downloads: bool = False,
) -> CommandResult:
    """Run uv; a folder's own uv settings (`uv.toml`, `pyproject.toml`) have no say, the user's have."""
    variables = installer_environ(tools.environ if environ is None else environ)
    return tools.commands.run(
        [str(tools.uv), *arguments],
        env=variables | {"UV_PYTHON_DOWNLOADS": "manual" if downloads else "never"},
        cwd=Path("/"),
        timeout=timeout,
    )


def create_venv(tools: Toolchain, interpreter: Path, folder: Path) -> Path:
    """Make an empty environment that works wherever it is moved to, and return its interpreter."""
    result = run_uv(
        tools,
        [
            "venv",
            "--quiet",
            "--no-project",
            "--relocatable",
            "--allow-existing",
            "--python",
            str(interpreter),
            str(folder),
        ],
    )
    if result.exit_code:
        raise explain(result.stderr, folder, f"{interpreter} cannot make a virtual environment")
    return folder / "bin" / "python"


def pip_install(
    tools: Toolchain,
    python: Path,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    offline_first: bool = False,
    timeout: float | None = None,
) -> CommandResult:
    """Run `uv pip install` for the environment of `python`, byte-compiling what is installed.

    `offline_first` tries what uv has cached before it asks the index: for exact pins the answer is the same, sooner.
    """
    command = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *arguments]
    if offline_first and not tools.environ.get("UV_OFFLINE"):
        result = run_uv(tools, [*command, "--offline"], environ=environ, timeout=timeout)
        if result.exit_code == 0:
            return result
    return run_uv(tools, command, environ=environ, timeout=timeout)


def is_network_failure(output: str) -> bool:
    """Return whether an installer failed because an index did not answer."""
    return bool(_NETWORK_SIGNS.search(output) or is_offline_failure(output))


def is_offline_failure(output: str) -> bool:
    """Return whether an installer failed because the user has forbidden it the network."""
    return bool(_OFFLINE_SIGNS.search(output))


def is_compiler_failure(output: str) -> bool:
    """Return whether an installer failed because a package could not be compiled."""
    return bool(_COMPILER_SIGNS.search(output))


def explain(output: str, folder: Path, what: str) -> MwaaLocalError:
    """Return the error for an installer that failed with `output` while it did `what`."""
    if is_disk_full(output):
        return disk_full(folder)
    if is_offline_failure(output):
        return EnvironmentBuildError(
            f"{what}: UV_OFFLINE is set, and uv's cache lacks a package.\n{trimmed(output)}",
            hint="Unset UV_OFFLINE once; what was installed once can be installed again without the network.",
        )
    if is_network_failure(output):
        return EnvironmentBuildError(
            f"{what}: the package index cannot be reached.\n{trimmed(output)}",
            hint="Check the network, the proxy, and the index (UV_DEFAULT_INDEX or PIP_INDEX_URL); then try again.",
        )
    if is_compiler_failure(output):
        return EnvironmentBuildError(
            f"{what}: a package without a wheel for this machine has to be compiled, and cannot be.\n{trimmed(output)}",
            hint="Install a C compiler and the headers that are named above (Debian: build-essential), then try again.",
        )
    return EnvironmentBuildError(
        f"{what}.\n{trimmed(output)}", hint="`mwaa-local doctor` checks interpreters, disk and package index."
    )


def trimmed(output: str, lines: int = 25) -> str:
    """Return what matters of an installer's output: no warnings, no credentials, the last lines of long ones."""
    kept = [
        without_credentials(line.rstrip())
        for line in output.splitlines()
        if line.strip() and not line.lstrip().lower().startswith(("warning:", "deprecation:"))
    ]
    return "\n".join(
        kept if len(kept) <= lines else [*kept[: lines // 3], "  ...", *kept[-(lines - lines // 3) :]]
    )


def without_credentials(text: str) -> str:
    """Return `text` without the user names and passwords of URLs."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)
