"""Connections, variables and pools: between files and the environment, losing nothing.

The files have the form of Airflow's own `export` commands (JSON, YAML, and `.env` for connections), so that either tool
reads what the other wrote. What the database holds is the business of `inside/mwaa_inside/objects.py`; the forms are
`object_files`'.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.errors import CommandError, UsageError
from mwaa_local.ports import CommandRunner
from mwaa_local.runtime.object_files import Entry, ObjectKind

_MARK = '{"mwaa_local": "objects"'


@dataclass(frozen=True, slots=True)
class ImportReceipt:
    """What an import did, by name."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    kept: tuple[str, ...]
    """Existing ones that `--keep-existing` left alone."""


@dataclass(frozen=True, slots=True)
class AirflowProgram:
    """How to run our programs inside the environment: its interpreter, and what Airflow's own commands get."""

    python: Path
    environment: Mapping[str, str]
    timeout: float = 120.0
    prefix: tuple[str, ...] = ()
    """What brings a command into a container."""


def export_objects(commands: CommandRunner, program: AirflowProgram, kind: ObjectKind) -> tuple[Entry, ...]:
    """Return every object of a kind, sorted by name, secrets in plain text."""
    answer = _ask(commands, program, {"action": "export", "kind": kind.value})
    return tuple(Entry(kind, values) for values in answer["entries"])


def import_objects(
    commands: CommandRunner,
    program: AirflowProgram,
    entries: tuple[Entry, ...],
    *,
    keep_existing: bool = False,
) -> ImportReceipt:
    """Create or update all of these objects, of one kind, or none of them if one cannot be stored."""
    if not entries:
        return ImportReceipt((), (), ())
    request = {
        "action": "import",
        "kind": entries[0].kind.value,
        "entries": [dict(entry.values) for entry in entries],
        "keep_existing": keep_existing,
    }
    answer = _ask(commands, program, request)
    return ImportReceipt(tuple(answer["created"]), tuple(answer["updated"]), tuple(answer["kept"]))


def _ask(commands: CommandRunner, program: AirflowProgram, request: Mapping[str, Any]) -> dict[str, Any]:
    command = (*program.prefix, str(program.python), "-m", "mwaa_inside.objects")
    # Secrets travel through stdin and stdout: neither a command line nor a file ever holds them.
    result = commands.run(
        command, env=program.environment, stdin=json.dumps(request), timeout=program.timeout
    )
    events = [json.loads(line) for line in result.stdout.splitlines() if line.startswith(_MARK)]
    if not events:
        raise CommandError(
            f"Airflow could not be asked for {request['kind']}: {_last_lines(result.stderr)}",
            hint="`mwaa-local status` shows whether the environment and its database run.",
        )
    answer: dict[str, Any] = events[-1]
    if answer["event"] == "error":
        raise UsageError(answer["message"], hint=answer["hint"])
    return answer


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-5:]) or "it said nothing"
