"""Loads a plugins folder with Airflow's own plugin manager and tells what each file did. Runs on Python 3.7 and up.

    python -m mwaa_inside.plugin_report        (with AIRFLOW_HOME and AIRFLOW__CORE__PLUGINS_FOLDER set)

The request on standard input is {"folder": the plugins folder}. Events: one `file` for each module that was executed,
one `plugin` for each registered plugin, `problem` for what failed while the plugins were put to use, then `end`.
"""

import importlib
import importlib.machinery
import inspect
import os
import sys
import time
import traceback

from mwaa_inside.channel import serve

# Base classes by which people know what a class is; the first that is found counts.
KINDS = (
    ("BaseSensorOperator", "sensors"),
    ("BaseOperator", "operators"),
    ("BaseOperatorLink", "operator links"),
    ("BaseHook", "hooks"),
    ("BaseTrigger", "triggers"),
    ("BaseExecutor", "executors"),
    ("BaseSecretsBackend", "secrets backends"),
    ("BaseNotifier", "notifiers"),
    ("BaseTIDep", "task dependencies"),
    ("PriorityWeightStrategy", "priority weight strategies"),
    ("Timetable", "timetables"),
)


class Recorder:
    """Notes every module of a folder that Python executes: how long it took, what it defined, how it failed."""

    def __init__(self, folder):
        self._folder = os.path.realpath(folder) + os.sep
        self._execute = importlib.machinery.SourceFileLoader.exec_module
        self.files = {}

    def install(self):
        """Watch every module from now on."""
        recorder = self

        def exec_module(loader, module):
            return recorder.execute(loader, module)

        importlib.machinery.SourceFileLoader.exec_module = exec_module

    def execute(self, loader, module):
        """Execute a module, and note it if it lies in the folder."""
        name = self.name_of(loader.path)
        if name is None:
            return self._execute(loader, module)
        entry = self.files.setdefault(name, {"seconds": 0.0, "error": None, "defines": {}})
        began = time.monotonic()
        try:
            self._execute(loader, module)
        except BaseException as error:
            entry["error"] = describe_error(error, self.name_of)
            raise
        else:
            # It may have failed before, while its package was half loaded, and be fine now.
            entry["error"] = None
            entry["defines"] = definitions(module)
        finally:
            entry["seconds"] = max(entry["seconds"], time.monotonic() - began)
        return None

    def name_of(self, path):
        """Return the name of a file relative to the folder; None if it lies elsewhere."""
        path = os.path.realpath(path)
        return path[len(self._folder) :].replace(os.sep, "/") if path.startswith(self._folder) else None


def describe_error(error, name_of):
    """Return what is known of an exception: type, message, and the last place in the folder."""
    place = {"file": None, "line": None}
    for frame in traceback.extract_tb(error.__traceback__):
        name = name_of(frame.filename) if os.path.isabs(frame.filename) else None
        if name is not None:
            place = {"file": name, "line": frame.lineno}
    if isinstance(error, SyntaxError) and error.filename and name_of(error.filename) is not None:
        place = {"file": name_of(error.filename), "line": error.lineno}
    return {
        "type": type(error).__name__,
        "message": shorten(error),
        "missing": missing_module(error),
        "exits": not isinstance(error, Exception),
        "file": place["file"],
        "line": place["line"],
    }


def shorten(error):
    """Return the message of an exception, in one line of bearable length."""
    try:
        text = str(error)
    except Exception:  # an exception whose own text cannot be made
        text = ""
    return " ".join(text.split())[:500]


def missing_module(error):
    """Return the top-level name of the module that was not found, or None."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return error.name.split(".")[0]
    return None


def definitions(module):
    """Return the classes that a module defines, by what they are for Airflow."""
    found = {}
    for name, value in sorted(vars(module).items()):
        if inspect.isclass(value) and getattr(value, "__module__", None) == module.__name__:
            bases = [base.__name__ for base in value.__mro__[1:]]
            kind = next((kind for base, kind in KINDS if base in bases), None)
            if kind:
                found.setdefault(kind, []).append(name)
    return found


def load_plugins():
    """Let this Airflow load its plugins and put them to use; return (plugins, errors by file, problems)."""
    from airflow import plugins_manager

    problems = []
    ensure = getattr(plugins_manager, "ensure_plugins_loaded", None)
    if ensure is not None:
        ensure()
    problems += use_plugins(plugins_manager)
    if hasattr(plugins_manager, "_get_plugins"):  # 3.2 on
        plugins, errors = plugins_manager._get_plugins()
    else:
        plugins, errors = plugins_manager.plugins, plugins_manager.import_errors
    return list(plugins or ()), dict(errors or {}), problems


def use_plugins(manager):
    """Call what the roles of this Airflow call with their plugins; return what fails."""
    problems = []
    for name, function in sorted(vars(manager).items()):
        wanted = name.endswith("_plugins") and name.startswith(("initialize_", "integrate_", "get_"))
        if not wanted or not callable(function):
            continue
        try:
            arguments = [listener_manager()] if name == "integrate_listener_plugins" else []
            function(*arguments)
        except Exception as error:
            problems.append("%s: %s: %s" % (name, type(error).__name__, shorten(error)))
    return problems


def listener_manager():
    """Return this Airflow's listener manager."""
    from airflow.listeners.listener import get_listener_manager

    return get_listener_manager()


def describe_plugin(plugin, name_of):
    """Return what a plugin registers: names by attribute."""
    kind = plugin if inspect.isclass(plugin) else type(plugin)
    registers = {}
    for attribute in sorted(list_attributes(kind)):
        values = getattr(plugin, attribute, None)
        if isinstance(values, (list, tuple, set)) and values:
            registers[attribute] = [label(value) for value in values]
    return {
        "name": str(getattr(plugin, "name", None) or kind.__name__),
        "file": file_of(plugin, kind, name_of),
        "source": str(getattr(plugin, "source", None) or ""),
        "registers": registers,
    }


def list_attributes(kind):
    """Return the attributes of Airflow's own plugin class that are lists."""
    base = next((each for each in kind.__mro__ if each.__name__ == "AirflowPlugin"), kind)
    return [
        name for name, value in vars(base).items() if isinstance(value, list) and not name.startswith("_")
    ]


def file_of(plugin, kind, name_of):
    """Return the file in the folder that defines a plugin; None if it comes from a package."""
    path = getattr(getattr(plugin, "source", None), "path", None)
    if path:
        return str(path).replace(os.sep, "/")
    try:
        return name_of(inspect.getfile(kind))
    except (TypeError, OSError):
        return None


def label(value):
    """Return what people call a registered thing."""
    if isinstance(value, dict):
        for key in ("name", "label", "category"):
            if value.get(key):
                return str(value[key])
        inner = value.get("view") or value.get("app")
        return type(inner).__name__ if inner is not None else str(sorted(value))
    for attribute in ("__name__", "name"):
        name = getattr(value, attribute, None)
        if isinstance(name, str) and name:
            return name
    return type(value).__name__


def answer(request, channel):
    """Load the plugins and report."""
    folder = request["folder"]
    recorder = Recorder(folder)
    recorder.install()
    plugins, errors, problems = [], {}, []
    fatal = None
    try:
        plugins, errors, problems = load_plugins()
    except BaseException as error:  # sys.exit() in a plugin, too: it would end the scheduler
        fatal = describe_error(error, recorder.name_of)
    for name, entry in sorted(recorder.files.items()):
        channel.send("file", name=name, **entry)
    for plugin in plugins:
        described = describe_plugin(plugin, recorder.name_of)
        if described["file"] is not None:
            channel.send("plugin", **described)
    known = {name for name, entry in recorder.files.items() if entry["error"]}
    for path, message in sorted(errors.items(), key=str):
        name = recorder.name_of(str(path)) if os.path.isabs(str(path)) else None
        if name is not None and name not in known:
            channel.send("problem", file=name, message=" ".join(str(message).split()))
    for message in problems:
        channel.send("problem", file=None, message=message)
    channel.send("end", fatal=fatal)
    return 0


if __name__ == "__main__":
    sys.exit(serve("plugins", answer))
