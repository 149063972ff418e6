"""Which provider package a module of Airflow belongs to."""

from collections.abc import Collection

_PREFIX = "airflow.providers."
_FAMILIES = frozenset({"apache", "atlassian", "cncf", "common", "dbt", "microsoft"})
"""The first part of names with two parts."""


def distribution_of(module: str, installed: Collection[str]) -> str:
    """Return the distribution that brings a module of Airflow: the provider's with the longest fitting name."""
    if not module.startswith(_PREFIX):
        return "apache-airflow"
    parts = module.removeprefix(_PREFIX).split(".")
    names = [
        "-".join(("apache-airflow-providers", *parts[:length])).replace("_", "-") for length in (3, 2, 1)
    ]
    likely = names[-2] if parts[0] in _FAMILIES else names[-1]
    return next((name for name in names if name in installed), likely)
