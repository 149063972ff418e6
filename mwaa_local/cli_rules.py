"""Which Airflow commands the service runs, by version, and what it says to the others.

From the user guide's tables of supported commands (MWAA-FACTS 9.6); what they do not list, the service refuses.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from mwaa_local.catalog import Generation, MwaaVersion
from mwaa_local.errors import UsageError
from mwaa_local.settings_rules import FOREVER

ALL_2 = (2,)
AIRFLOW_3 = (3,)


@dataclass(frozen=True, slots=True)
class AllowedCommands:
    """Commands of one group that the service runs, from a version on and before another."""

    group: str
    """Empty for commands that stand alone."""
    names: tuple[str, ...]
    since: tuple[int, ...] = ALL_2
    until: tuple[int, ...] = FOREVER


AIRFLOW_1_COMMANDS = (
    "backfill",
    "clear",
    "dag_state",
    "delete_dag",
    "list_dag_runs",
    "list_dags",
    "list_tasks",
    "next_execution",
    "pause",
    "pool",
    "render",
    "run",
    "show_dag",
    "task_failed_deps",
    "task_state",
    "test",
    "trigger_dag",
    "unpause",
    "variables",
    "version",
)

ALLOWED = (
    AllowedCommands("", ("cheat-sheet", "version")),
    AllowedCommands("connections", ("add", "delete")),
    AllowedCommands(
        "dags",
        (
            "delete",
            "list",
            "list-jobs",
            "list-runs",
            "next-execution",
            "pause",
            "unpause",
            "report",
            "show",
            "state",
            "test",
            "trigger",
        ),
    ),
    AllowedCommands("dags", ("backfill",), until=AIRFLOW_3),
    AllowedCommands("dags", ("reserialize",), since=(2, 4)),
    AllowedCommands("dags", ("list-import-errors",), since=(2, 6)),
    AllowedCommands("backfill", ("create",), since=AIRFLOW_3),
    AllowedCommands("db", ("clean",), since=(2, 4)),
    AllowedCommands("providers", ("behaviours", "get", "hooks", "links", "list", "widgets")),
    AllowedCommands("providers", ("secrets",), since=(2, 6)),
    AllowedCommands("providers", ("triggerer",), since=(2, 7)),
    AllowedCommands("providers", ("notifications",), since=(2, 8)),
    AllowedCommands("roles", ("create", "list")),
    AllowedCommands("roles", ("add-perms", "del-perms"), since=(2, 6)),
    AllowedCommands(
        "tasks",
        ("clear", "failed-deps", "list", "render", "state", "states-for-dag-run", "test"),
    ),
    AllowedCommands("tasks", ("run",), since=(2, 4)),
    AllowedCommands("variables", ("delete", "get", "set", "list")),
    AllowedCommands("assets", ("details", "list", "materialize"), since=AIRFLOW_3),
)


def allowed_commands(version: MwaaVersion) -> tuple[str, ...]:
    """Return the commands that the service runs for a version, as they are typed."""
    if version.generation is Generation.AIRFLOW_1:
        return AIRFLOW_1_COMMANDS
    rules = [rule for rule in ALLOWED if rule.since <= version.number < rule.until]
    return tuple(f"{rule.group} {name}".strip() for rule in rules for name in rule.names)


def check_allowed(arguments: Sequence[str], version: MwaaVersion) -> None:
    """Raise UsageError, with the nearest command that the service runs, if it would refuse this one."""
    allowed = allowed_commands(version)
    words = [word for word in arguments if not word.startswith("-")][:2]
    if any(" ".join(words[:length]) in allowed for length in (1, 2)):
        return
    if not words:
        raise UsageError("Name the Airflow command to run.", hint="for example: dags list")
    command = " ".join(words)
    near = difflib.get_close_matches(command, allowed, n=3, cutoff=0.6)
    near += [each for each in allowed if each.split()[0] == words[0] and each not in near]
    raise UsageError(
        f"MWAA does not run `airflow {command}` for Airflow {version.airflow}.",
        hint=f"nearest that it runs: {', '.join(near[:4])}"
        if near
        else "without --as-mwaa, mwaa-local runs every Airflow command",
    )
