"""Every effective setting of an environment, with who set it and whom that overrode.

The rules are in `mwaa_settings.py`, `mwaa_fixed_settings.py` and `local_settings.py`; this merges them with what the
startup script exported and what the user asked for. Pure: addresses and keys come in as `RuntimeAddresses`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import MwaaVersion, Role
from mwaa_local.config import ConfigWarning, EnvironmentConfig, Origin, Project, Source
from mwaa_local.local_settings import PREFERENCES, REQUIREMENTS
from mwaa_local.mwaa_fixed_settings import FIXED, RESERVED
from mwaa_local.mwaa_settings import DEFAULTS, SECRETS
from mwaa_local.settings_rules import Rule, RuntimeAddresses, SettingInputs, SettingOrigin, option_variable

__all__ = [
    "RuntimeAddresses",
    "Setting",
    "SettingOrigin",
    "build_airflow_settings",
    "find_reserved_exports",
    "former_names",
    "is_secret_name",
    "reserved_exports",
    "role_variables",
    "warn_about_options",
]

RESERVED_PREFIXES = ("MWAA__", "MWAA_LOCAL_")
_RULES = (*DEFAULTS, *PREFERENCES, *SECRETS, *FIXED, *REQUIREMENTS)
_SECRET_NAME = re.compile(
    r"PASS(WORD|WD|PHRASE)?(_|$)|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_KEY|FERNET_KEY"
    r"|^AIRFLOW_CONN_|^AIRFLOW_VAR_|BASIC_AUTH|SQL_ALCHEMY_CONN|BROKER_URL|RESULT_BACKEND$"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable that the environment's processes get."""

    name: str
    value: str
    origin: SettingOrigin
    secret: bool
    """Not to be shown, neither the value nor what it overrides."""
    overrides: tuple[tuple[SettingOrigin, str], ...] = ()
    """What lost, the strongest first."""
    note: str = ""

    @property
    def option(self) -> str | None:
        """Return `section.key` if this is an Airflow option."""
        parts = self.name.split("__", 2)
        return f"{parts[1]}.{parts[2]}".lower() if len(parts) == 3 and parts[0] == "AIRFLOW" else None


@dataclass(frozen=True, slots=True)
class _Candidate:
    origin: SettingOrigin
    variable: str
    value: str
    strength: tuple[int, bool]
    secret: bool = False
    note: str = ""


def build_airflow_settings(
    version: MwaaVersion,
    config: EnvironmentConfig,
    project: Project,
    addresses: RuntimeAddresses,
    startup_exports: Mapping[str, str],
) -> tuple[Setting, ...]:
    """Return every variable of the environment, by name; what a role adds to them is in `role_variables`."""
    inputs = SettingInputs(version, config, project, addresses)
    rules = _rules_for(version, config)
    former = former_names(version, config)
    reserved = find_reserved_exports(version, startup_exports)
    candidates = [*_from_rules(rules, inputs), *_from_startup(startup_exports, reserved, former)]
    for option, value in config.airflow_options:
        origin, variable = SettingOrigin.USER_OPTION, option_variable(option)
        candidates.append(_Candidate(origin, variable, value, (origin, variable not in former)))
    groups: dict[str, list[_Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(former.get(candidate.variable, candidate.variable), []).append(candidate)
    # A reserved export that nothing of ours stands against is dropped as well.
    settings = [_decide(group) for group in groups.values() if any(each.strength[0] >= 0 for each in group)]
    return tuple(sorted(settings, key=lambda setting: setting.name))


def former_names(version: MwaaVersion, config: EnvironmentConfig) -> dict[str, str]:
    """Return the variable that each old name of an option stands for in this version."""
    return {
        option_variable(old): rule.variable for rule in _rules_for(version, config) for old in rule.former
    }


def reserved_exports(version: MwaaVersion) -> frozenset[str]:
    """Return the variables that a startup script may not set, beside those that begin with RESERVED_PREFIXES."""
    return RESERVED | {"PYTHONPATH"} if version.number >= (2, 9) else RESERVED


def find_reserved_exports(version: MwaaVersion, startup_exports: Iterable[str]) -> tuple[str, ...]:
    """Return the exports of a startup script that MWAA would put back."""
    reserved = reserved_exports(version)
    return tuple(name for name in startup_exports if name in reserved or name.startswith(RESERVED_PREFIXES))


def is_secret_name(variable: str) -> bool:
    """Tell whether a variable of this name probably holds a secret."""
    return bool(_SECRET_NAME.search(variable))


def role_variables(role: Role) -> tuple[Setting, ...]:
    """Return what only the processes of one role get."""
    return tuple(
        Setting(name, str(role), SettingOrigin.ESSENTIAL, secret=False)
        for name in ("MWAA_AIRFLOW_COMPONENT", "MWAA_COMMAND")
    )


def warn_about_options(
    version: MwaaVersion, config: EnvironmentConfig, origins: Mapping[str, Origin], file: Path | None
) -> tuple[ConfigWarning, ...]:
    """Warn of each option whose value will not be used; `origins` by `section.key`."""
    warnings = []
    fixed: dict[str, Rule] = {}
    for rule in _rules_for(version, config):
        if rule.origin >= SettingOrigin.PROTECTED:
            for name in (rule.name, *rule.former):
                fixed.setdefault(name, rule)
    for option, _ in config.airflow_options:
        found = fixed.get(option)
        if found is None or (found.heeded and option == found.name):
            continue
        origin = origins[option]
        in_file = origin.source is Source.FILE
        warnings.append(
            ConfigWarning(
                f"{origin}: {option} has no effect: {_owner(found)}.",
                "Leave it out: "
                + ("mwaa-local" if found.origin is SettingOrigin.LOCAL else "the service")
                + " takes its own value without a word.",
                file if in_file else None,
                origin.line if in_file else None,
            )
        )
    return tuple(warnings)


def _owner(rule: Rule) -> str:
    if rule.origin is SettingOrigin.LOCAL:
        return "mwaa-local sets it itself on this machine"
    return "MWAA sets it itself, and so does mwaa-local"


def _rules_for(version: MwaaVersion, config: EnvironmentConfig) -> list[Rule]:
    return [rule for rule in _RULES if rule.applies(version) and rule.when(config)]


def _from_rules(rules: list[Rule], inputs: SettingInputs) -> Iterable[_Candidate]:
    for rule in rules:
        value = rule.value if isinstance(rule.value, str) else rule.value(inputs)
        if value is not None:
            # Below the user's own options where the user asked for it in another way.
            yield _Candidate(rule.origin, rule.variable, value, (rule.origin, False), rule.secret, rule.note)


def _from_startup(
    exports: Mapping[str, str], reserved: tuple[str, ...], former: Mapping[str, str]
) -> Iterable[_Candidate]:
    origin = SettingOrigin.STARTUP_SCRIPT
    for name, value in exports.items():
        strength = -1 if name in reserved else int(origin)
        yield _Candidate(origin, name, value, (strength, name not in former))


def _decide(group: list[_Candidate]) -> Setting:
    ranked = sorted(group, key=lambda candidate: candidate.strength, reverse=True)
    winner = ranked[0]
    return Setting(
        winner.variable,
        winner.value,
        winner.origin,
        secret=any(each.secret or is_secret_name(each.variable) for each in group),
        overrides=tuple((each.origin, each.value) for each in ranked[1:]),
        note=winner.note,
    )
