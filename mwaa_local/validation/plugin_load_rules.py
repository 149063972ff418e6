"""Rules about what Airflow's plugin manager made of the plugins, with and without the project's requirements."""

from collections.abc import Iterator
from dataclasses import dataclass

from mwaa_local.catalog import MwaaVersion
from mwaa_local.plugin_report import ImportFailure, PluginReport
from mwaa_local.validation.finding import Finding, Location, Severity, order_findings
from mwaa_local.validation.rule import Rule

BROKEN = Rule(
    "plugin-broken",
    Severity.ERROR,
    "Airflow cannot import a file of the plugins.",
    "Airflow would show it as a broken plugin and go on without it.",
    "the version's own plugin manager",
)
NEEDS_REQUIREMENTS = Rule(
    "plugin-needs-requirements",
    Severity.WARNING,
    "A file of the plugins can be imported only where the project's requirements are installed.",
    "A web server without them (a private one without wheels, or a failed install) reports a broken plugin: "
    "import the package inside the function that needs it, or bundle it: mwaa-local package-requirements",
    "local-runner #201, MWAA-FACTS 4",
)
NEEDS_DATABASE = Rule(
    "plugin-needs-database",
    Severity.WARNING,
    "A file of the plugins asks the metadata database while it is imported.",
    "Every process of Airflow pays for that: do it inside the function that needs it.",
    "the version's own plugin manager",
)
EXITS = Rule(
    "plugin-exits",
    Severity.ERROR,
    "A file of the plugins ends the process that imports it.",
    "No Airflow process would start. Do not call sys.exit() at the top of a module.",
    "the version's own plugin manager",
)
REFUSED = Rule(
    "plugin-refused",
    Severity.ERROR,
    "Airflow imports a file of the plugins but refuses what it registers.",
    "See Airflow's documentation of plugins for the form that this version takes.",
    "the version's own plugin manager",
)
WEB_SERVER = Rule(
    "plugin-web-server",
    Severity.WARNING,
    "A plugin adds to the UI of a version whose web server has no plugins.",
    "MWAA's web server has plugins from 2.2.2 on.",
    "MWAA-FACTS 1.3 and 4",
)
NOT_LOADED = Rule(
    "plugin-not-proven",
    Severity.ERROR,
    "Loading the plugins did not end, or ended the process.",
    "Look for endless work, network calls or native code at the top of modules.",
    "the version's own plugin manager",
)
LAZY = Rule(
    "plugin-lazily-loaded",
    Severity.INFO,
    "Airflow loads the plugins only when something asks for them, not when a process starts (core.lazy_load_plugins).",
    'Where a plugin must be there from the start: "core.lazy_load_plugins" = "False" among the Airflow options.',
    "MWAA-FACTS 4",
)
PLUGIN_LOAD_RULES = (BROKEN, NEEDS_REQUIREMENTS, NEEDS_DATABASE, EXITS, REFUSED, WEB_SERVER, NOT_LOADED, LAZY)

_OF_THE_UI = frozenset(
    {
        "admin_views",
        "flask_blueprints",
        "menu_links",
        "appbuilder_views",
        "appbuilder_menu_items",
        "global_operator_extra_links",
        "operator_extra_links",
    }
)


@dataclass(frozen=True, slots=True)
class PluginLoads:
    """What loading brought: in the environment as it is with the requirements, and in the bare one."""

    full: PluginReport
    bare: PluginReport | None
    """None where there are no requirements: both are the same."""
    version: MwaaVersion
    folder: str | None
    """What the user calls the folder that the plugins come from; None for somebody else's zip."""
    lazy: bool = False
    """The environment loads plugins only when something asks for them."""


def check_loads(loads: PluginLoads) -> tuple[Finding, ...]:
    """Return what the rules find."""
    return order_findings(
        (*_failures(loads), *_only_bare(loads), *_problems(loads), *_unseen(loads), *_late(loads))
    )


def _failures(loads: PluginLoads) -> Iterator[Finding]:
    report = loads.full
    if report.died:
        yield _finding(loads, NOT_LOADED, f"The plugins could not be loaded: {report.died}")
    if report.fatal and report.fatal.exits:
        yield _finding(
            loads, EXITS, f"Loading ended with {report.fatal}.", report.fatal.file, report.fatal.line
        )
    elif report.fatal:
        yield _finding(
            loads, BROKEN, f"No plugin was loaded: {report.fatal}", report.fatal.file, report.fatal.line
        )
    for name, failure in report.failures.items():
        if failure.exits:
            continue
        rule = NEEDS_DATABASE if failure.needs_database else BROKEN
        yield _finding(loads, rule, _reason(name, failure), *_place(name, failure))


def _only_bare(loads: PluginLoads) -> Iterator[Finding]:
    if loads.bare is None:
        return
    if loads.bare.died and not loads.full.died:
        yield _finding(loads, NEEDS_REQUIREMENTS, f"Without the requirements: {loads.bare.died}")
    for name, failure in loads.bare.failures.items():
        if name not in loads.full.failures and not failure.needs_database:
            message = f"Without the requirements: {_reason(name, failure)}"
            yield _finding(loads, NEEDS_REQUIREMENTS, message, *_place(name, failure))


def _problems(loads: PluginLoads) -> Iterator[Finding]:
    for problem in loads.full.problems:
        yield _finding(loads, REFUSED, f"Airflow refuses it: {problem.message}", problem.file)


def _unseen(loads: PluginLoads) -> Iterator[Finding]:
    if loads.version.requirements_on_webserver:
        return
    for plugin in loads.full.plugins:
        lost = [f"{kind} {', '.join(names)}" for kind, names in plugin.registers if kind in _OF_THE_UI]
        if lost:
            message = f"MWAA {loads.version.airflow} loads no plugins on the web server: nobody sees {'; '.join(lost)}."
            yield _finding(loads, WEB_SERVER, message, plugin.file)


def _reason(name: str, failure: ImportFailure) -> str:
    elsewhere = f" (imported by {name})" if failure.file and failure.file != name else ""
    return f"{failure}{elsewhere}"


def _late(loads: PluginLoads) -> Iterator[Finding]:
    """Yield a note where lazy loading matters: what a plugin registers is not there before somebody asks."""
    registering = [plugin for plugin in loads.full.plugins if plugin.registers]
    if loads.lazy and registering:
        names = ", ".join(sorted({plugin.name for plugin in registering})[:3])
        message = (
            f"{names}: loaded when something asks for it, not when a process starts (core.lazy_load_plugins)."
        )
        yield _finding(loads, LAZY, message, registering[0].file)


def _place(name: str, failure: ImportFailure) -> tuple[str, int | None]:
    return failure.file or name, failure.line


def _finding(
    loads: PluginLoads, rule: Rule, message: str, file: str | None = None, line: int | None = None
) -> Finding:
    location = Location(f"{loads.folder}/{file}", line or 1) if loads.folder and file else None
    if file and not location:
        message = f"{file}{f':{line}' if line else ''}: {message}"
    return Finding(rule.id, rule.severity, message, rule.hint, location, rule.source)
