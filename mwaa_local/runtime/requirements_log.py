"""The log of the requirements' installation, which MWAA has as a stream of each component's log group."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mwaa_local.errors import RequirementsError
from mwaa_local.runtime.environment_copy import installed_versions
from mwaa_local.runtime.installer import without_credentials
from mwaa_local.runtime.state import StateFolder, write_private

SERVICE = "requirements_install"
"""The name of the log among those of the services."""


@contextmanager
def failure_logged(folder: StateFolder) -> Iterator[None]:
    """Write down why an installation failed."""
    try:
        yield
    except RequirementsError as failure:
        _write(folder, [failure.message])
        raise


def log_installation(folder: StateFolder, base: Path, environment: Path, warnings: tuple[str, ...]) -> None:
    """Write down what an installation brought to the environment that `base` is a part of."""
    before, after = installed_versions(base), installed_versions(environment)
    new = [f"{name}-{number}" for name, number in sorted(after.items()) if before.get(name) != number]
    gone = [f"{name}-{number}" for name, number in sorted(before.items()) if name not in after]
    lines = [f"WARNING: {warning}" for warning in warnings]
    lines += [f"Uninstalled {' '.join(gone)}"] if gone else []
    lines.append(f"Successfully installed {' '.join(new)}" if new else "Nothing had to be installed.")
    _write(folder, lines)


def forget_installation(folder: StateFolder) -> None:
    """Remove the log of requirements that a project no longer has."""
    folder.log(SERVICE).unlink(missing_ok=True)


def _write(folder: StateFolder, lines: list[str]) -> None:
    write_private(folder.log(SERVICE), without_credentials("\n".join(lines)) + "\n")
