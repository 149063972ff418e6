"""The check of a project's requirements, put together: for `test-requirements`, and for what `deploy` asks first."""

import os
import sys
from dataclasses import dataclass

from mwaa_local.cli.requirements_plugins import with_archived_plugins
from mwaa_local.cli.resolver_tools import clock, fetch_file, make_resolver
from mwaa_local.config import LoadedConfig, Project
from mwaa_local.errors import RequirementsError
from mwaa_local.validation.base_environment import make_base
from mwaa_local.validation.finding import Finding, Location, Severity
from mwaa_local.validation.requirements_file import shown_name
from mwaa_local.validation.requirements_verdict import Inputs, judge_requirements
from mwaa_local.validation.resolver import Resolver

_RECENT = 600.0
"""Answers that are older than this are worth a word."""


@dataclass(frozen=True, slots=True)
class RequirementsWork:
    """What a verdict on requirements is made from."""

    inputs: Inputs
    resolver: Resolver
    began: float

    @property
    def asked_before(self) -> float | None:
        """Return when the index was asked, if that was some minutes before this command."""
        asked = self.resolver.asked
        return asked if asked is not None and asked < self.began - _RECENT else None


def prepare_check(
    project: Project, loaded: LoadedConfig, provider: str | None, *, refresh: bool = False
) -> RequirementsWork:
    """Return the work for a project on the environment of its version, with one amazon provider."""
    base = make_base(loaded.version, provider)
    seen = with_archived_plugins(project, os.environ)
    inputs = Inputs(seen, base, container_variables(loaded), fetch_file)
    return RequirementsWork(inputs, make_resolver(base, sys.executable, refresh=refresh), clock().now())


def requirements_findings(project: Project, loaded: LoadedConfig) -> tuple[Finding, ...]:
    """Return what `test-requirements` finds, on MWAA's own environment; what was asked in the last day is remembered.

    Where the index cannot be reached that is the finding, a warning.
    """
    if project.requirements is None:
        return ()
    try:
        work = prepare_check(project, loaded, loaded.version.amazon_provider_stock)
        return judge_requirements(work.inputs, work.resolver).findings
    except RequirementsError as error:
        place = Location(shown_name(project, project.requirements), 1)
        message = f"Whether MWAA can install the requirements could not be found out. {error.message}"
        return (
            Finding(
                "requirements-not-checked", Severity.WARNING, message, error.hint, place, "MWAA-FACTS 3.1"
            ),
        )


def container_variables(loaded: LoadedConfig) -> dict[str, str]:
    """Return what `${NAME}` stands for on MWAA: the configuration options, and what is set here."""
    options = {
        f"AIRFLOW__{name.partition('.')[0]}__{name.partition('.')[2]}".upper(): value
        for name, value in loaded.config.airflow_options
    }
    return {**os.environ, **options}
