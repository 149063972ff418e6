"""One table below `[deployments.NAME]` while it is read: known keys only, variables replaced, lines remembered."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from mwaa_local.config_file import ConfigFile, nearest
from mwaa_local.config_values import Given
from mwaa_local.deployment_values import expand
from mwaa_local.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeploymentTable:
    """A table of the configuration file that describes a deployment, or a part of one."""

    file: ConfigFile
    path: tuple[str, ...]
    """From the top of the file: `deployments`, the name, ..."""
    values: Mapping[str, object]
    environ: Mapping[str, str]

    @property
    def title(self) -> str:
        """Return the table as a header shows it."""
        return ".".join(part for part in self.path if not part.startswith("["))

    def check_keys(self, valid: tuple[str, ...]) -> None:
        """Complain about a key that is not one of `valid`."""
        for key in self.values:
            if key not in valid:
                origin = self.file.origin(*self.path, key)
                raise ConfigError(
                    f'{origin}: unknown key "{key}" in [{self.title}].', hint=nearest(key, valid)
                )

    def given(self, key: str) -> Given | None:
        """Return the value of a key with its variables replaced, None if the table does not set it."""
        if key not in self.values:
            return None
        origin = self.file.origin(*self.path, key)
        return expand(Given(key, self.values[key], origin, self.file.path.parent), self.environ)

    def pick(self, key: str, check: Callable[[Given], T], default: T) -> T:
        """Return the checked value of a key, or what is taken where the table does not set it."""
        given = self.given(key)
        return default if given is None else check(given)

    def require(self, key: str, check: Callable[[Given], T], hint: str) -> T:
        """Return the checked value of a key that must be there."""
        given = self.given(key)
        if given is None:
            raise ConfigError(
                f"{self.file.origin(*self.path)}: [{self.title}] does not say {key}.", hint=hint
            )
        return check(given)

    def tables(self, key: str, example: str) -> tuple["DeploymentTable", ...]:
        """Return the tables of a list, `[[...]]`."""
        given = self.given(key)
        if given is None:
            return ()
        if not isinstance(given.value, list) or not all(isinstance(each, dict) for each in given.value):
            raise given.error("must be a list of tables", example)
        if not given.value:
            raise given.error("is empty", "Leave it out for the project's dags folder.")
        return tuple(
            DeploymentTable(self.file, (*self.path, key, f"[{number}]"), each, self.environ)
            for number, each in enumerate(cast("list[dict[str, object]]", given.value))
        )

    def entries(self, key: str, example: str) -> Iterator[Given]:
        """Yield what a table of texts, or a list of texts, holds; an entry of a list is its own value."""
        given = self.given(key)
        if given is None:
            return
        if isinstance(given.value, list):
            pairs = [(each, each) for each in given.value]
        elif isinstance(given.value, dict):
            pairs = list(given.value.items())
        else:
            raise given.error("must be a table or a list", example)
        for name, value in pairs:
            if not isinstance(name, str) or not isinstance(value, str):
                raise given.error(f"holds {value!r}, which is no text", example)
            origin = self.file.origin(*self.path, key, name)
            entry = Given(name, value, origin, self.file.path.parent)
            # The texts of a list have been expanded with the list.
            yield entry if isinstance(given.value, list) else expand(entry, self.environ)


def existing(given: Given, path: Path) -> Path:
    """Return a path that must exist."""
    if not path.exists():
        raise given.error(f"names {path}, which does not exist", "Name a folder or a file that exists.")
    return path
