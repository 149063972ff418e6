"""Rules about `mwaa-local.toml` and the options in it: what MWAA overrides, ignores or cannot do."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from mwaa_local.config import LoadedConfig, Project
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.rule import Rule

OVERRIDDEN = Rule(
    "overridden-option",
    Severity.WARNING,
    "An Airflow option is set that the service sets itself.",
    "Leave it out.",
    "MWAA-FACTS 5, 6.2, 6.5",
)
SMTP_PORT = Rule(
    "smtp-port-25",
    Severity.WARNING,
    "Mail goes out by port 25, which is blocked.",
    'Set "smtp.smtp_port" to 587.',
    "MWAA-FACTS 11.2, 11.3 #38",
)
LAZY_PLUGINS = Rule(
    "ignored-option",
    Severity.WARNING,
    "An Airflow option is set that has no effect on MWAA.",
    "Leave it out.",
    "MWAA-FACTS 6.4",
)
END_OF_SUPPORT = Rule(
    "end-of-support",
    Severity.INFO,
    "The version is past its end of support: no environment can be made with it any more.",
    "Existing environments keep running and can be updated in place.",
    "MWAA-FACTS 1.1, 11.3 #40",
)
PROVIDER_DIFFERS = Rule(
    "provider-differs",
    Severity.INFO,
    "The amazon provider is not the one that MWAA preinstalls.",
    "Put it into requirements.txt, or use --amazon-provider stock.",
    "MWAA-FACTS 1.4, 11.3 #33",
)
NOTE = Rule("configuration", Severity.WARNING, "The configuration has an oddity.", "", "mwaa-local")

SETTINGS_RULES: tuple[Rule, ...] = (
    OVERRIDDEN,
    LAZY_PLUGINS,
    SMTP_PORT,
    END_OF_SUPPORT,
    PROVIDER_DIFFERS,
    NOTE,
)

_WITHOUT_EFFECT = {"celery.worker_concurrency": "MWAA goes by celery.worker_autoscale."}


def check_settings(
    loaded: LoadedConfig, project: Project, today: date, required: str | None
) -> Iterator[Finding]:
    """Find what the configuration asks for in vain; `required` is the amazon provider of requirements.txt."""
    for warning in loaded.warnings:
        rule = OVERRIDDEN if "has no effect" in warning.message else NOTE
        place = _place(warning.file, warning.line, project)
        yield Finding(rule.id, rule.severity, warning.message, warning.hint, place, rule.source)
    for option, value in loaded.config.airflow_options:
        origin = loaded.origin_of(f"airflow_options.{option}")
        place = _place(project.config_file, origin.line, project) if origin.line else None
        if option == "smtp.smtp_port" and value.strip() == "25":
            yield _finding(SMTP_PORT, "smtp.smtp_port is 25, which is blocked.", place)
        if option in _WITHOUT_EFFECT and not any(option in each.message for each in loaded.warnings):
            yield _finding(LAZY_PLUGINS, f"{option} has no effect: {_WITHOUT_EFFECT[option]}", place)
    version = loaded.version
    if version.end_of_support and today > version.end_of_support:
        message = (
            f"MWAA makes no new environments of Airflow {version.airflow} since {version.end_of_support}."
        )
        yield _finding(END_OF_SUPPORT, message, None)
    chosen, stock = loaded.config.amazon_provider, version.amazon_provider_stock
    if chosen and chosen != stock and required != chosen:
        message = (
            f"Amazon provider {chosen} is used here; MWAA has {stock}, and requirements.txt names no other."
        )
        yield _finding(PROVIDER_DIFFERS, message, None)


def _place(file: Path | None, line: int | None, project: Project) -> Location | None:
    if file is None or line is None:
        return None
    name = str(file.relative_to(project.root)) if file.is_relative_to(project.root) else str(file)
    return Location(name, line)


def _finding(rule: Rule, message: str, place: Location | None) -> Finding:
    return Finding(rule.id, rule.severity, message, rule.hint, place, rule.source)
