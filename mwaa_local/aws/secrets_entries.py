"""What a file of connections and variables says, whatever its format: entries with their line numbers."""

from dataclasses import dataclass
from pathlib import Path

from mwaa_local.aws.connections import FIELDS, Connection
from mwaa_local.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    file: Path
    line: int

    def error(self, message: str, *, hint: str = "") -> ConfigError:
        """Return an error that names this place; nothing that the file holds as a value may be in `message`."""
        return ConfigError(f"{self.file}:{self.line}: {message}", hint=hint)


@dataclass(frozen=True, slots=True)
class ConnectionEntry:
    """A connection: as the user's own URI, or in fields."""

    place: Place
    key: str
    value: str | Connection


@dataclass(frozen=True, slots=True)
class VariableEntry:
    """A variable."""

    place: Place
    key: str
    value: str


Entry = ConnectionEntry | VariableEntry


def parse_connection(place: Place, key: str, fields: dict[str, str | None]) -> Connection:
    """Return the connection that the named fields (all text) describe."""
    unknown = sorted(fields.keys() - {*FIELDS, "conn_id"})
    if unknown:
        raise place.error(
            f"connection '{key}' has no field '{unknown[0]}'", hint=f"Its fields are {', '.join(FIELDS)}."
        )
    if not fields.get("conn_type"):
        raise place.error(
            f"connection '{key}' has no conn_type", hint="Add one, for example conn_type: postgres."
        )
    port = fields.get("port")
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise place.error(f"the port of connection '{key}' is not a number from 1 to 65535")
    return Connection(
        conn_type=str(fields["conn_type"]),
        description=fields.get("description"),
        host=fields.get("host"),
        login=fields.get("login"),
        password=fields.get("password"),
        schema=fields.get("schema"),
        port=int(port) if port else None,
        extra=fields.get("extra"),
    )
