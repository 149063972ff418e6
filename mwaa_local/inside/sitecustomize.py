"""Runs at the start of every Python that has this folder on its path: the local AWS, lazily, and MWAA's paths.

Python imports only the first `sitecustomize` on its path, so this one also runs the next. It does nothing unless
mwaa-local's variables are set, works on any Python 3.6 or newer, and imports nothing until boto3 or kombu is imported.
"""

import os
import sys

# What to call with the module, once the module named first has been imported.
_HOOKS = {
    "botocore.session": ("mwaa_inside.aws_shim", "install_in_botocore"),
    "aiobotocore.session": ("mwaa_inside.aws_shim", "install_in_aiobotocore"),
    "kombu.asynchronous.http": ("mwaa_inside.sqs_http", "install"),
}


class _AfterImport:
    """A finder that finds nothing itself, and calls the hook of a module after another finder's loader has run it."""

    def find_spec(self, name, path=None, target=None):
        if name not in _HOOKS:
            return None
        module_name, function_name = _HOOKS.pop(name)
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            spec = find_spec(name, path, target) if finder is not self and find_spec else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _HookedLoader(spec.loader, module_name, function_name)
                return spec
        _HOOKS[name] = (module_name, function_name)
        return None


class _HookedLoader:
    """The original loader, plus the hook."""

    def __init__(self, loader, module_name, function_name):
        self._loader = loader
        self._hook = (module_name, function_name)

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = self._loader
        if getattr(module, "__spec__", None) is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        from importlib import import_module

        getattr(import_module(self._hook[0]), self._hook[1])(module)


def _run_next_sitecustomize():
    """Run the `sitecustomize` that this one hides, if there is one."""
    from importlib.machinery import PathFinder

    here = os.path.dirname(os.path.abspath(__file__))
    others = [folder for folder in sys.path if os.path.abspath(folder or ".") != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        module = module_from_spec(spec)
        spec.loader.exec_module(module)


def _show_mwaa_home(home):
    """Let AIRFLOW_HOME be found at MWAA's own path, unless whoever started us has done so."""
    try:
        if os.path.samefile(home, "/usr/local/airflow"):
            return
    except OSError:
        pass
    from mwaa_inside.namespaces import show_mwaa_home

    show_mwaa_home(home)


if sys.platform == "linux" and os.environ.get("MWAA_LOCAL_HOME_VIEW"):
    _show_mwaa_home(os.environ["MWAA_LOCAL_HOME_VIEW"])

if os.environ.get("MWAA_LOCAL_AWS_ENDPOINT") or os.environ.get("MWAA_LOCAL_SQS_QUEUE_URL"):
    sys.meta_path.insert(0, _AfterImport())

_run_next_sitecustomize()
