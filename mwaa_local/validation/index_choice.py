"""Which package indexes are asked, and how long their answers are believed: settings for uv.

Requirements files override the user's settings as they override pip's. Addresses with credentials are handed over as
variables, never written into a file or a command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mwaa_local.validation.requirement_options import FileOptions

_CACHE = 'cache-control = { api = "max-age=3600", files = "max-age=365000000, immutable" }'
"""An index is asked again after an hour; files of an index never change, whatever a proxy says of them."""

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """The index part of uv.toml, and the variables of the process."""

    table: str
    environ: dict[str, str]


def choose_indexes(options: FileOptions, environ: Mapping[str, str]) -> IndexChoice:
    """Return what uv is told, from the options of the files and the user's own variables."""
    default = options.index_url or environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL", "")
    own = f"{environ.get('UV_INDEX', '')} {environ.get('UV_EXTRA_INDEX_URL', '')}".split()
    further = [*own, *options.extra_index_urls]
    secret = [url for url in further if "@" in url]
    plain = [url for url in further if "@" not in url]
    variables = {name: value for name, value in environ.items() if name not in _VARIABLES}
    tables = [f"[[index]]\nurl = {_quoted(url)}\n{_CACHE}\n" for url in plain]
    if "@" in default:
        variables["UV_DEFAULT_INDEX"] = default
    elif default:  # without one, uv asks the public index and believes it for as long as it says
        tables.append(f"[[index]]\nurl = {_quoted(default)}\ndefault = true\n{_CACHE}\n")
    if secret:
        variables["UV_INDEX"] = " ".join(secret)
    if further:
        # As pip: the best version of all indexes, not the first index that knows the name.
        variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return IndexChoice("".join(tables), variables)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
