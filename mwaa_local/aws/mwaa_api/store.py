"""The records of all environments: in memory, and in one file that a killed process is restored from."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mwaa_local.aws.mwaa_api.records import Environment, from_json, to_json
from mwaa_local.aws.private_file import replace_private

log = logging.getLogger(__name__)


class EnvironmentStore:
    """Environments by name; every change is on disk before it is seen."""

    def __init__(self, path: Path, home: Environment | None = None) -> None:
        self._path = path
        self._home = home
        self._lock = threading.RLock()
        self._environments = {each.name: each for each in _load(path)}

    def is_home(self, name: str) -> bool:
        """Tell whether this is the project's own environment, which is never changed here."""
        return self._home is not None and name == self._home.name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from changing anything between a look and a change."""
        with self._lock:
            yield

    def get(self, name: str) -> Environment | None:
        """Return an environment, None if there is none of that name."""
        with self._lock:
            return self._home if self.is_home(name) else self._environments.get(name)

    def names(self) -> tuple[str, ...]:
        """Return all names in order."""
        with self._lock:
            home = [self._home.name] if self._home else []
            return tuple(sorted({*self._environments, *home}))

    def put(self, environment: Environment) -> None:
        """Keep an environment, in place of the one of the same name; OSError if the disk takes no more."""
        with self._lock:
            self._write({**self._environments, environment.name: environment})

    def remove(self, name: str) -> None:
        """Forget an environment."""
        with self._lock:
            self._write({key: each for key, each in self._environments.items() if key != name})

    def _write(self, environments: dict[str, Environment]) -> None:
        text = json.dumps([to_json(each) for each in environments.values()])
        replace_private(self._path, text.encode())
        self._environments = environments


def _load(path: Path) -> list[Environment]:
    try:
        return [from_json(document) for document in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        log.warning("%s cannot be read (%s); it is kept as %s", path, error, kept.name)
        path.replace(kept)
        return []
