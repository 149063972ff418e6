"""The variables that installers are given."""

from collections.abc import Mapping

_FOREIGN_VARIABLES = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_COMPILE_BYTECODE",
    "UV_REQUIRE_HASHES",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_CONSTRAINT",
    "PIP_REQUIREMENT",
    "PIP_REQUIRE_VIRTUALENV",
)
"""What would install something else, or somewhere else, than we ask for."""


def installer_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without what would change where or what is installed."""
    kept = {name: value for name, value in environ.items() if name not in _FOREIGN_VARIABLES}
    return kept | {
        "NO_COLOR": "1",
        "UV_NO_PROGRESS": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "",
    }
