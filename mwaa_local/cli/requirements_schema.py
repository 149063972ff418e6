"""The JSON of `test-requirements` as a JSON Schema: what programs may rely on.

`schema` is its version: it is raised when a field is removed or changes its meaning, not when one is added.
"""

from typing import Any

from mwaa_local.validation.reports import SCHEMA


def _text(description: str, *, nullable: bool = False) -> dict[str, Any]:
    return {"type": ["string", "null"] if nullable else "string", "description": description}


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def _number(description: str, *, kind: str = "number", nullable: bool = False) -> dict[str, Any]:
    return {"type": [kind, "null"] if nullable else kind, "description": description}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": items}


_FINDING = _object(
    rule=_text("Stable name of the rule; `mwaa-local validate --list` documents all."),
    severity={"enum": ["error", "warning", "info"], "description": "An error makes the exit code 3."},
    message=_text("What is wrong."),
    hint=_text("What to do about it; may be empty."),
    location={
        **_object(
            file=_text("Relative to the project where it lies in it."),
            line=_number("From 1 on.", kind="integer"),
            column=_number("From 1 on.", kind="integer", nullable=True),
        ),
        "type": ["object", "null"],
    },
    source=_text("Why that is known."),
)

_LINE = _object(
    file=_text("Where the line stands."),
    line=_number("From 1 on.", kind="integer"),
    text=_text("The line, variables expanded, without comments and options."),
    name=_text("Canonical name of the package; null for an address that says none.", nullable=True),
    version=_text("The version that it gets; null where that shows only when it is built.", nullable=True),
)

_PACKAGE = _object(
    name=_text("Canonical name."),
    version=_text("The version that pip chooses; null as above.", nullable=True),
    before=_text("The version in MWAA's environment; null where it is new.", nullable=True),
    changed=_flag("Whether it is new or becomes another version."),
    decided_by={
        "enum": ["line", "constraint", "essential", "installed", "index"],
        "description": "What decided the version; `index` is the newest that everything allows.",
    },
    location=_text("FILE:LINE of the line or the pin that decided.", nullable=True),
    required_by=_list(_text("Canonical name."), "Packages that need it; none for what only a line names."),
)


def make_schema() -> dict[str, Any]:
    """Return the schema of the whole document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mwaa-local test-requirements --json",
        **_object(
            schema={"const": SCHEMA, "description": "Version of this schema."},
            findings=_list(_FINDING, "By file and line."),
            airflow=_text("MWAA version."),
            amazon_provider=_text("Preinstalled version that the verdict is for.", nullable=True),
            python=_text("MWAA's Python."),
            pip=_text("MWAA's pip."),
            installs=_flag("Whether pip exits with 0; otherwise nothing is installed."),
            works=_flag("Whether Airflow can be expected to start afterwards."),
            forced_constraints=_flag("Whether MWAA adds its constraints, because the file names none."),
            watchtower_put_back=_text(
                "The watchtower that MWAA installs again afterwards, if it was changed.", nullable=True
            ),
            estimated_seconds=_number("Of the installation on a small environment class, roughly."),
            trial={
                **_list(
                    _object(step=_text("What was tried."), ok=_flag("Whether it went well.")),
                    "Steps of --install; null without it.",
                ),
                "type": ["array", "null"],
            },
            index_asked=_text(
                "When the oldest of the index's answers was given, UTC; null where it was not asked.",
                nullable=True,
            ),
            lines=_list(_LINE, "Requirements that count on MWAA; empty where nothing is installed."),
            packages=_list(_PACKAGE, "Everything that the lines reach; empty where nothing is installed."),
        ),
    }
