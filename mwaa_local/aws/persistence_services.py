"""Secrets Manager and Parameter Store that survive `kill -9`: each region of each is small, and written whole.

What the project's secrets file gives is not written: the file is read at every start, and is right.
"""

import io
import logging
import pickle
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.aws.account import ACCOUNT_ID
from mwaa_local.aws.private_file import replace_private
from mwaa_local.aws.seeding import DESCRIPTION

FOLDER = "services"
READING = ("BatchGet", "Describe", "Get", "List", "Validate")
"""How the names of operations begin that change nothing."""
PROVIDED = "/aws/service/"
"""Parameters that moto brings itself."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Service:
    """How the state of one of moto's services is taken and put back."""

    name: str
    target: str
    """What X-Amz-Target begins with."""
    backends: Callable[[], Mapping[str, Any]]
    """The backends of the account by region, those that have been used."""
    take: Callable[[Any], dict[str, Any]]
    put: Callable[[Any, dict[str, Any]], None]


def _take_secrets(backend: Any) -> dict[str, Any]:
    own = {name: secret for name, secret in dict.items(backend.secrets) if not _is_seeded(secret)}
    return {"secrets": own} if own else {}


def _is_seeded(secret: Any) -> bool:
    return getattr(secret, "description", None) == DESCRIPTION


def _put_secrets(backend: Any, state: dict[str, Any]) -> None:
    for name, secret in state["secrets"].items():
        dict.__setitem__(backend.secrets, name, secret)


def _take_parameters(backend: Any) -> dict[str, Any]:
    own = {
        name: list(versions)
        for name, versions in dict.items(backend._parameters)
        if versions and not str(name).startswith(PROVIDED)
    }
    tags = {
        kind: {key: dict(tags) for key, tags in each.items()} for kind, each in backend._resource_tags.items()
    }
    return {"parameters": own, "tags": tags} if own else {}


def _put_parameters(backend: Any, state: dict[str, Any]) -> None:
    for name, versions in state["parameters"].items():
        dict.__setitem__(backend._parameters, name, versions)
    for kind, each in state["tags"].items():
        for key, tags in each.items():
            backend._resource_tags[kind][key].update(tags)


# moto's Parameter Store brings EC2 with it, a hundred megabytes: it is imported when somebody uses it.
def _secrets_backends() -> Mapping[str, Any]:
    from moto.secretsmanager.models import secretsmanager_backends

    return secretsmanager_backends[ACCOUNT_ID]


def _parameters_backends() -> Mapping[str, Any]:
    from moto.ssm.models import ssm_backends

    return ssm_backends[ACCOUNT_ID]


SERVICES = (
    _Service("secretsmanager", "secretsmanager.", _secrets_backends, _take_secrets, _put_secrets),
    _Service("ssm", "AmazonSSM.", _parameters_backends, _take_parameters, _put_parameters),
)


class ServiceStore:
    """The files of these services: one for each region that holds anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._lock = threading.Lock()
        self._written: dict[Path, bytes] = {}

    def restore(self) -> None:
        """Fill the (empty) backends from the disk."""
        for service in SERVICES:
            for path in sorted(self._folder.glob(f"{service.name}.*.pickle")):
                content = path.read_bytes()
                region = path.name.removeprefix(f"{service.name}.").removesuffix(".pickle")
                state = _unpickled(content, path)
                if state:
                    service.put(service.backends()[region], state)
                    self._written[path] = content

    def record(self, target: str) -> None:
        """Write down what a request has changed; `target` is its X-Amz-Target, "" if it has none."""
        for service in SERVICES:
            operation = target.removeprefix(service.target)
            if operation != target and not operation.startswith(READING):
                with self._lock:
                    self._write(service)

    def _write(self, service: _Service) -> None:
        for region, backend in list(service.backends().items()):
            path = self._folder / f"{service.name}.{region}.pickle"
            state = service.take(backend)
            content = pickle.dumps(state) if state else b""
            if content == self._written.get(path, b""):
                continue
            try:
                self._replace(path, content)
            except OSError as error:
                log.warning("%s cannot be written (%s)", path, error.strerror or error)
                continue
            self._written[path] = content

    def _replace(self, path: Path, content: bytes) -> None:
        if not content:
            path.unlink(missing_ok=True)
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        replace_private(path, content)


class _OnlyMoto(pickle.Unpickler):
    """Reads moto's secrets and parameters, and plain values; anything else does not come from us."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(("moto.secretsmanager.", "moto.ssm.")) or module in ("collections", "datetime"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def _unpickled(content: bytes, path: Path) -> dict[str, Any]:
    try:
        state = _OnlyMoto(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError, ValueError) as error:
        log.warning("%s could not be read back (%s)", path, error)
        return {}
    return state if isinstance(state, dict) else {}
