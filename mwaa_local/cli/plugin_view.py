"""What loading the plugins brought, as lines for people and as JSON."""

from mwaa_local.plugin_report import ImportFailure, PluginReport
from mwaa_local.validation.plugin_load_rules import PluginLoads


def describe_loads(loads: PluginLoads) -> list[str]:
    """Return a line for each file that Airflow loaded: what it defines and what it registers."""
    report = loads.full
    if report.died:
        return []
    registered: dict[str, list[str]] = {}
    for plugin in report.plugins:
        parts = [f"{attribute} {', '.join(names)}" for attribute, names in plugin.registers]
        registered.setdefault(plugin.file, []).append(
            f"plugin {plugin.name}: {'; '.join(parts) or 'nothing'}"
        )
    lines = []
    for module in report.modules:
        defined = [f"{kind} {', '.join(names)}" for kind, names in module.defines]
        what = [*defined, *registered.get(module.name, ())]
        if what and not module.failure:
            lines.append(f"  {module.name}: {'; '.join(what)}")
    number = len(report.modules)
    slow = max(report.modules, key=lambda module: module.seconds, default=None)
    head = f"Airflow {loads.version.airflow} loaded {number} file{'' if number == 1 else 's'}"
    if slow and slow.seconds >= 1:
        head += f"; {slow.name} took {slow.seconds:.1f} s"
    failed = len(report.failures)
    head += f", {failed} of them with an error" if failed else ""
    where = (
        "scheduler, workers and web server"
        if loads.version.requirements_on_webserver
        else "scheduler and workers"
    )
    return [f"{head} (on MWAA: {where}).", *lines]


def loads_document(loads: PluginLoads) -> dict[str, object]:
    """Return the same as JSON, for both environments."""
    return {
        "on_webserver": loads.version.requirements_on_webserver,
        "with_requirements": _report_document(loads.full),
        "without_requirements": _report_document(loads.bare) if loads.bare else None,
    }


def _report_document(report: PluginReport) -> dict[str, object]:
    return {
        "died": report.died,
        "modules": [
            {
                "file": module.name,
                "seconds": round(module.seconds, 3),
                "error": _failure_document(module.failure),
                "defines": {kind: list(names) for kind, names in module.defines},
            }
            for module in report.modules
        ],
        "plugins": [
            {
                "name": plugin.name,
                "file": plugin.file,
                "registers": {attribute: list(names) for attribute, names in plugin.registers},
            }
            for plugin in report.plugins
        ],
    }


def _failure_document(failure: ImportFailure | None) -> dict[str, object] | None:
    if failure is None:
        return None
    return {
        "type": failure.kind,
        "message": failure.message,
        "file": failure.file,
        "line": failure.line,
        "missing_module": failure.missing,
    }
