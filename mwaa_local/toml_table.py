"""One table of a catalogue TOML file, read key by key: every complaint names the file and the key.

The schema is the code that reads: a key that nobody asked for is an error, and so is one that is missing
or of another type.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

from mwaa_local.errors import CatalogError

T = TypeVar("T")

_HINT = "The catalogue is damaged: reinstall mwaa-local, or run images/update_catalog.py in a checkout."


class TomlTable:
    """A table that is being read; `finish` complains about the keys that were never taken."""

    def __init__(self, file: Path, values: Mapping[str, object], prefix: str = "") -> None:
        self._file = file
        self._values = values
        self._prefix = prefix
        self._taken: set[str] = set()

    def take(self, key: str, kind: type[T]) -> T:
        """Return the value of `key`, which must be there and be exactly a `kind` (a bool is not an int)."""
        if key not in self._values:
            raise self.error(key, "is missing")
        return self._checked(key, kind)

    def take_optional(self, key: str, kind: type[T]) -> T | None:
        """Return the value of `key`, or None where the file leaves it out."""
        return self._checked(key, kind) if key in self._values else None

    def take_texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        values = cast("list[object]", self.take(key, list))
        for value in values:
            if not isinstance(value, str):
                raise self.error(key, f"must hold strings only, not {value!r}")
        return tuple(cast("list[str]", values))

    def take_pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return a table whose values are all strings, in the file's order."""
        table = self.take_table(key)
        return tuple((name, table.take(name, str)) for name in table.names())

    def take_table(self, key: str) -> "TomlTable":
        """Return the table under `key`."""
        values = cast("dict[str, object]", self.take(key, dict))
        return TomlTable(self._file, values, f"{self._prefix}{key}.")

    def take_tables(self, key: str) -> tuple[tuple[str, "TomlTable"], ...]:
        """Return the tables under `key` with their names; none where the file leaves the key out."""
        if key not in self._values:
            return ()
        outer = self.take_table(key)
        return tuple((name, outer.take_table(name)) for name in outer.names())

    def names(self) -> tuple[str, ...]:
        """Return the keys in the file's order."""
        return tuple(self._values)

    def error(self, key: str, problem: str) -> CatalogError:
        """Return the error that says what is wrong with `key`."""
        return CatalogError(f"{self._file}: {self._prefix}{key} {problem}.", hint=_HINT)

    def finish(self) -> None:
        """Complain about a key that was not taken."""
        for key in self._values:
            if key not in self._taken:
                raise self.error(key, "is not a key of the catalogue")

    def _checked(self, key: str, kind: type[T]) -> T:
        self._taken.add(key)
        value = self._values[key]
        # `type is`, not isinstance: TOML's true would pass for an int, and its date-time for a date.
        if type(value) is not kind:
            raise self.error(key, f"must be {_name(kind)}, not {_name(type(value))}")
        return value


def _name(kind: type[object]) -> str:
    names = {
        "str": "a string",
        "int": "a number",
        "bool": "true or false",
        "dict": "a table",
        "list": "a list",
    }
    return names.get(kind.__name__, f"a {kind.__name__}")
