"""Every rule about a plugins.zip, ours or anybody's, in one list, and their application."""

from collections.abc import Iterator
from dataclasses import dataclass

from mwaa_local.validation import plugin_checks as checks
from mwaa_local.validation.finding import Finding, Location, Severity, order_findings
from mwaa_local.validation.plugin_checks import Check, PluginArchive
from mwaa_local.validation.rule import Rule

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741
_ANEW = "Make the archive anew: mwaa-local package-plugins"
_ZIP = "the zip format"


@dataclass(frozen=True, slots=True)
class PluginRule:
    """A rule about a plugins.zip."""

    rule: Rule
    check: Check


def _rule(name: str, severity: Severity, check: Check, summary: str, hint: str, source: str) -> PluginRule:
    return PluginRule(Rule(name, severity, summary, hint, source), check)


PLUGIN_RULES: tuple[PluginRule, ...] = (
    _rule("plugins-damaged", E, checks.damage, "plugins.zip, or a file in it, cannot be read.", _ANEW, _ZIP),
    _rule(
        "plugins-escape",
        E,
        checks.escapes,
        "An entry of plugins.zip would be unpacked outside the plugins folder.",
        "Do not use this archive: no ordinary program makes such names.",
        _ZIP,
    ),
    _rule(
        "plugins-backslash",
        E,
        checks.backslashes,
        "A name in plugins.zip holds backslashes instead of slashes.",
        "Make the archive with a program that writes '/' between folders.",
        _ZIP,
    ),
    _rule(
        "plugins-link",
        E,
        checks.links,
        "There is a symbolic link in plugins.zip.",
        "Pack the file that it points to; mwaa-local package-plugins does.",
        _ZIP,
    ),
    _rule(
        "plugins-encrypted",
        E,
        checks.encrypted,
        "An entry of plugins.zip is encrypted.",
        "Make the archive without a password.",
        _ZIP,
    ),
    _rule(
        "plugins-name",
        W,
        checks.names,
        "A name in plugins.zip is neither ASCII nor marked as UTF-8.",
        "Rename the file to ASCII, or make the archive with mwaa-local package-plugins.",
        _ZIP,
    ),
    _rule("plugins-duplicate", E, checks.duplicates, "A name is in plugins.zip more than once.", _ANEW, _ZIP),
    _rule(
        "plugins-nested-root",
        E,
        checks.nested_root,
        "The plugins folder itself was zipped, instead of what is in it.",
        "Zip the content: cd plugins && zip -r ../plugins.zip . (or: mwaa-local package-plugins)",
        "MWAA-FACTS 4, local-runner #199",
    ),
    _rule(
        "plugins-not-executable",
        W,
        checks.lost_executables,
        "A script in plugins.zip is not executable.",
        "chmod +x before zipping (mwaa-local package-plugins sets it), or call it through bash.",
        "MWAA-FACTS 4",
    ),
    _rule(
        "plugins-wheel",
        E,
        checks.foreign_wheels,
        "A wheel in plugins.zip is not for MWAA's Python and platform.",
        "Make the bundle for MWAA's platform: mwaa-local package-requirements",
        "MWAA-FACTS 3.4, local-runner #257 and #331",
    ),
    _rule(
        "plugins-sdist",
        W,
        checks.source_packages,
        "There is a source package in plugins.zip, where only wheels can be installed.",
        "Put a wheel there: mwaa-local package-requirements builds it.",
        "local-runner #315",
    ),
    _rule(
        "plugins-wheel-twice",
        W,
        checks.wheels_twice,
        "There are wheels of several versions of a package in plugins.zip.",
        "Remove the old ones.",
        "MWAA-FACTS 4",
    ),
    _rule(
        "plugins-reserved-name",
        E,
        checks.reserved_names,
        "A file in plugins.zip has a name that MWAA keeps for itself.",
        "Give it another name.",
        "MWAA-FACTS 4, local-runner #199",
    ),
    _rule(
        "plugins-local-settings",
        I,
        checks.local_settings,
        "airflow_local_settings.py is in plugins.zip: MWAA honours it from 2.9.2 on.",
        "",
        "MWAA-FACTS 4",
    ),
    _rule(
        "plugins-junk",
        W,
        checks.junk,
        "There are files in plugins.zip that serve nobody.",
        "mwaa-local package-plugins leaves them out.",
        "MWAA-FACTS 4",
    ),
    _rule(
        "plugins-too-big",
        E,
        checks.storage,
        "plugins.zip does not fit on a component's disk.",
        "Keep such files in S3 and read them from there.",
        "MWAA-FACTS 2.4",
    ),
    _rule(
        "plugins-big",
        W,
        checks.recommended_size,
        "plugins.zip is bigger than MWAA recommends.",
        "A component must be up within ten minutes, unpacking and installing included.",
        "MWAA-FACTS 2.4",
    ),
    _rule(
        "plugins-bomb",
        E,
        checks.bombs,
        "An entry of plugins.zip unpacks to hundreds of times its size.",
        "Do not unpack it.",
        _ZIP,
    ),
    _rule(
        "plugins-native-code",
        E,
        checks.native_code,
        "A program or library in plugins.zip is for another machine than MWAA's.",
        "Put the build for Linux x86_64 there.",
        "MWAA-FACTS 3.4",
    ),
    _rule("plugins-empty", I, checks.empty, "plugins.zip is empty.", "", "MWAA-FACTS 2.3"),
)


def check_plugins(archive: PluginArchive) -> tuple[Finding, ...]:
    """Return what all rules find."""
    return order_findings(finding for rule in PLUGIN_RULES for finding in _apply(rule, archive))


def _apply(rule: PluginRule, archive: PluginArchive) -> Iterator[Finding]:
    about = rule.rule
    for problem in rule.check(archive):
        place = Location(f"{archive.folder}/{problem.entry}", 1) if archive.folder and problem.entry else None
        yield Finding(
            about.id,
            problem.severity or about.severity,
            f"{problem.entry}: {problem.message}" if problem.entry and not place else problem.message,
            problem.hint or about.hint,
            place,
            about.source,
        )
