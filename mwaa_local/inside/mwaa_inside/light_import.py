"""Imports Airflow without the web framework that old versions drag in for the base class of one exception.

Airflow before 2.3 imports connexion, flask and an OpenAPI validator with `airflow.exceptions`: more than half of the
time that `import airflow` takes. Whoever only reads DAG files has no use for them. They stay away during that import
only; a DAG file or a plugin that imports them gets the real ones. Runs on Python 3.7 and up.
"""

import contextlib
import sys
import types

NAMES = ("airflow._vendor.connexion", "connexion")


class ProblemException(Exception):
    """Stands for connexion's exception of that name."""

    def __init__(self, status=400, title=None, detail=None, **further):
        # Not Exception's own: the arguments that `raise` was given stay the message.
        self.status, self.title, self.detail = status, title, detail
        self.type = self.instance = self.headers = self.ext = None
        self.__dict__.update(further)


def problem(*_arguments, **_named):
    """Stand for connexion's function that makes a response; nobody responds to anything here."""
    raise RuntimeError("there is no web server in this process")


@contextlib.contextmanager
def without_web_framework():
    """Put a small stand-in in the place of connexion while Airflow is imported."""
    stand_ins = {}
    for name in NAMES:
        if name not in sys.modules:
            module = types.ModuleType(name)
            module.FlaskApi, module.ProblemException, module.problem = object, ProblemException, problem
            stand_ins[name] = sys.modules[name] = module
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
