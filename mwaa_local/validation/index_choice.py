"""Which package indexes are asked, and how long their answers are believed: settings for uv.

Requirements files override the user's settings as they override pip's. Addresses with credentials are handed over as
variables, never written into a file or a command line.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.validation.requirement_options import FileOptions

_CACHE = 'cache-control = { api = "max-age=3600", files = "max-age=365000000, immutable" }'
"""An index is asked again after an hour; files of an index never change, whatever a proxy says of them."""

_LEARNED = 'cache-control = { api = "max-age=600", files = "max-age=365000000, immutable" }'
"""What the public index itself says; a proxy before it may say nothing, and then every page would be fetched anew."""

_DEFAULT = "default-index"
_INDEX = re.compile(r"^--index-url (https://[^@\s]+)$", re.MULTILINE)
_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """The index part of uv.toml, and the variables of the process."""

    table: str
    environ: dict[str, str]
    is_uvs: bool = False
    """Whether uv asks its own default index, because nobody has named another."""


def choose_indexes(
    options: FileOptions, environ: Mapping[str, str], remembered: Path | None = None
) -> IndexChoice:
    """Return what uv is told, from the options of the files and the user's own variables.

    `remembered` is the folder where `learn_index` has kept the address of uv's own default index.
    """
    default = options.index_url or environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL", "")
    own = f"{environ.get('UV_INDEX', '')} {environ.get('UV_EXTRA_INDEX_URL', '')}".split()
    further = [*own, *options.extra_index_urls]
    secret = [url for url in further if "@" in url]
    plain = [url for url in further if "@" not in url]
    variables = {name: value for name, value in environ.items() if name not in _VARIABLES}
    tables = [_table(url, _CACHE) for url in plain]
    learned = "" if default or remembered is None else _recall(remembered)
    if "@" in default:
        variables["UV_DEFAULT_INDEX"] = default
    elif default:
        tables.append(_table(default, _CACHE, is_default=True))
    elif learned:
        tables.append(_table(learned, _LEARNED, is_default=True))
    if secret:
        variables["UV_INDEX"] = " ".join(secret)
    if further:
        # As pip: the best version of all indexes, not the first index that knows the name.
        variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return IndexChoice("".join(tables), variables, not default)


def learn_index(folder: Path, choice: IndexChoice, answer: str) -> None:
    """Keep the address of uv's own default index, which an answer of uv's names."""
    named = _INDEX.findall(answer)
    if choice.is_uvs and named and named[0] != _recall(folder):
        with suppress(OSError):
            (folder / _DEFAULT).write_text(named[0], encoding="utf-8")


def _recall(folder: Path) -> str:
    try:
        address = (folder / _DEFAULT).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    return address if _INDEX.fullmatch(f"--index-url {address}") else ""


def _table(url: str, cache: str, *, is_default: bool = False) -> str:
    return f"[[index]]\nurl = {_quoted(url)}\n{'default = true' if is_default else ''}\n{cache}\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
