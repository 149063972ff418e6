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
    Breakage("werkzeug", ">=2.1", "flask", "<2", "Werkzeug 2.1 has no BaseResponse, which Flask 1 imports"),
    Breakage(
        "werkzeug", ">=3", "flask-login", "<0.6.3", "Werkzeug 3 has no url_decode, which Flask-Login imports"
    ),
    Breakage("jinja2", ">=3.1", "flask", "<2", "Jinja2 3.1 has no escape, which Flask 1 imports"),
    Breakage(
        "flask", ">=2.3", "flask-appbuilder", "<4.5", "Flask 2.3 has no JSONEncoder and no _app_ctx_stack"
    ),
    Breakage(
        "flask-session", ">=0.7", "apache-airflow", "<2.10", "Flask-Session has no flask_session.sessions"
    ),
    Breakage("marshmallow", ">=4", "flask-appbuilder", "<5", "marshmallow 4 has no __version__"),
    Breakage(
        "pendulum",
        ">=3",
        "apache-airflow",
        "<2.8",
        "Airflow before 2.8 calls pendulum.tz.timezone of pendulum 2",
    ),
    Breakage(
        "sqlalchemy", ">=2", "apache-airflow", "<3", "Airflow 2 gives SQLAlchemy options that 2.0 refuses"
    ),
    Breakage(
        "sqlalchemy",
        ">=1.4",
        "flask-admin",
        "<1.5.8",
        "SQLAlchemy 1.4 has no ext.declarative.clsregistry, which Flask-Admin imports",
    ),
    Breakage("connexion", ">=3", "apache-airflow", "<3", "Airflow 2 is written for connexion 2"),
    Breakage("wtforms", ">=3", "flask-appbuilder", "<4", "WTForms 3 has no wtforms.compat"),
    Breakage("vine", ">=5", "celery", "<5", "vine 5 has no vine.five, which Celery 4 imports"),
    Breakage(
        "importlib-metadata",
        ">=5",
        "kombu",
        "<5.2.4",
        "importlib-metadata 5 dropped the mapping of entry points",
    ),
)
"""Each seen to fail: the stock environment with that one package replaced, then Airflow imported."""
