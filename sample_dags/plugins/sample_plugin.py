"""A plugin: a macro for templates, and (where Airflow's web server is a Flask application) a page of its own."""

from airflow.plugins_manager import AirflowPlugin
from airflow.version import version


def shout(text):
    """Return a text in capitals: `{{ macros.sample_plugin.shout(ds) }}`."""
    return str(text).upper() + "!"


def about_page():
    """Return the blueprint that holds the page's template, and the menu entry."""
    from airflow.security import permissions
    from airflow.www.auth import has_access
    from flask import Blueprint
    from flask_appbuilder import BaseView, expose

    class AboutSample(BaseView):
        """Says which versions run."""

        default_view = "show"

        @expose("/")
        @has_access([(permissions.ACTION_CAN_READ, permissions.RESOURCE_WEBSITE)])
        def show(self):
            """Show the page."""
            return self.render_template("sample/about.html", airflow=version)

    blueprint = Blueprint("sample", __name__, template_folder="templates")
    return [blueprint], [{"name": "About", "category": "Sample", "view": AboutSample()}]


class SamplePlugin(AirflowPlugin):
    """What Airflow takes from this file."""

    name = "sample_plugin"
    macros = (shout,)
    # Airflow 3 has another web server; its pages are not Flask views.
    flask_blueprints, appbuilder_views = ([], []) if int(version.split(".")[0]) > 2 else about_page()
