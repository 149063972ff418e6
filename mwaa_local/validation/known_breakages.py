"""Releases that break others although every package's metadata allows them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breakage:
    """From these versions of a package on, these versions of another (the victim) cannot be imported."""

    package: str
    versions: str
    victim: str
    victim_versions: str
    reason: str


KNOWN_BREAKAGES: tuple[Breakage, ...] = (
    Breakage(
        "markupsafe", ">=2.1", "jinja2", "<3", "MarkupSafe 2.1 has no soft_unicode, which Jinja2 2 imports"
    ),
    Breakage("itsdangerous", ">=2.1", "flask", "<2", "itsdangerous 2.1 has no json, which Flask 1 imports"),
    Breakage("werkzeug", ">=2.1", "flask", "<2", "Werkzeug 2.1 removed what Flask 1 imports"),
    Breakage(
        "werkzeug", ">=3", "flask", "<2.2.5", "Werkzeug 3 has no url_quote, which Flask before 2.2.5 imports"
    ),
    Breakage("jinja2", ">=3.1", "flask", "<2", "Jinja2 3.1 has no escape and Markup, which Flask 1 imports"),
    Breakage(
        "importlib-metadata",
        ">=5",
        "kombu",
        "<5.3",
        "importlib-metadata 5 dropped the mapping of entry points that kombu reads",
    ),
    Breakage(
        "sqlalchemy",
        ">=1.4",
        "flask-appbuilder",
        "<3.3",
        "Flask-AppBuilder 3.2 uses internals of SQLAlchemy 1.3",
    ),
    Breakage("wtforms", ">=3", "flask-appbuilder", "<4", "Flask-AppBuilder 3 uses what WTForms 3 removed"),
    Breakage("numpy", ">=2", "pandas", "<2.2.2", "pandas before 2.2.2 was compiled for numpy 1"),
    Breakage("setuptools", ">=82", "python-daemon", "<3", "setuptools 82 has no pkg_resources"),
)
"""Found by importing Airflow with the pair installed, or in the releases' change logs."""
