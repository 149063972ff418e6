"""The index settings of a user's own uv.toml, as variables: our questions to uv come with a settings file of theirs.

uv reads no other settings file then.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def with_uv_file(environ: Mapping[str, str], system_file: Path = Path("/etc/uv/uv.toml")) -> dict[str, str]:
    """Return `environ` with what uv.toml says of indexes, where no variable says it."""
    home = Path(environ.get("HOME") or "/")
    config = Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME") else home / ".config"
    named = environ.get("UV_CONFIG_FILE")
    files = [system_file, Path(named) if named else config / "uv" / "uv.toml"]
    result: dict[str, str] = {}
    for file in files:
        result |= _read(file)
    return result | dict(environ)


def _read(file: Path) -> dict[str, str]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # uv itself complains of a file that it cannot read.
        return {}
    pip = table.get("pip")
    return _variables({**table, **(pip if isinstance(pip, dict) else {})})


def _variables(table: Mapping[str, Any]) -> dict[str, str]:
    indexes = [each for each in _list(table.get("index")) if isinstance(each, dict) and each.get("url")]
    default = [str(each["url"]) for each in indexes if each.get("default")] or _texts(table.get("index-url"))
    further = [str(each["url"]) for each in indexes if not each.get("default")]
    values = {
        "UV_DEFAULT_INDEX": "".join(default[:1]),
        "UV_INDEX": " ".join([*further, *_texts(table.get("extra-index-url"))]),
        "UV_FIND_LINKS": ",".join(_texts(table.get("find-links"))),
        "UV_INSECURE_HOST": " ".join(_texts(table.get("allow-insecure-host"))),
        "UV_INDEX_STRATEGY": "".join(_texts(table.get("index-strategy"))),
        "UV_KEYRING_PROVIDER": "".join(_texts(table.get("keyring-provider"))),
        "UV_NATIVE_TLS": "true" if table.get("native-tls") is True else "",
    }
    return {name: value for name, value in values.items() if value}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: object) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]
