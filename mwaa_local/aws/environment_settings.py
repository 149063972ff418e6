"""What the endpoint process is told of the settings of the project's own environment, for the MWAA API to show."""

import json
from collections.abc import Mapping
from typing import Any

SETTINGS_VARIABLE = "MWAA_LOCAL_ENVIRONMENT_SETTINGS"
"""Where the process finds them, as JSON: options may hold passwords, and command lines are for all to read."""


def settings_text(
    options: Mapping[str, str], environment_class: str, workers: int, schedulers: int, most_workers: int = 0
) -> str:
    """Return what the variable holds, by the names of the API; without `most_workers`, by its default."""
    settings: dict[str, Any] = {
        "EnvironmentClass": environment_class,
        "MinWorkers": workers,
        "Schedulers": schedulers,
        **({"MaxWorkers": most_workers} if most_workers else {}),
    }
    return json.dumps({**settings, **({"AirflowConfigurationOptions": dict(options)} if options else {})})
