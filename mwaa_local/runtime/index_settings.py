"""Translates the package index settings that a user has made for pip into uv's, where uv has none of its own."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_TRANSLATIONS = (
    ("index-url", "UV_DEFAULT_INDEX", ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), " "),
    ("extra-index-url", "UV_INDEX", ("UV_INDEX", "UV_EXTRA_INDEX_URL"), " "),
    ("find-links", "UV_FIND_LINKS", ("UV_FIND_LINKS",), ","),
    ("trusted-host", "UV_INSECURE_HOST", ("UV_INSECURE_HOST",), " "),
    ("no-index", "UV_NO_INDEX", ("UV_NO_INDEX",), ""),
    ("cert", "SSL_CERT_FILE", ("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS"), ""),
    ("client-cert", "SSL_CLIENT_CERT", ("SSL_CLIENT_CERT",), ""),
    ("proxy", "ALL_PROXY", ("ALL_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy"), ""),
    ("timeout", "UV_HTTP_TIMEOUT", ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT"), ""),
)
"""pip's option, uv's variable, the variables that say the user has decided for uv, what separates several values."""


def uv_environ(
    environ: Mapping[str, str], system_files: tuple[Path, ...] = (Path("/etc/pip.conf"),)
) -> dict[str, str]:
    """Return `environ` with uv's variables for what only pip was told."""
    result = dict(environ)
    if _has_uv_index_settings(environ):
        return result
    options = _pip_options(environ, system_files)
    for option, variable, deciding, separator in _TRANSLATIONS:
        value = options.get(option, "").strip()
        if not value or any(environ.get(name) for name in deciding):
            continue
        result[variable] = re.sub(r"\s+", separator, value) if separator else value
    if "UV_INDEX" in result and "UV_INDEX" not in environ:
        # pip takes the best of all indexes; uv by default takes the first index that knows the name.
        result.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return result


def _has_uv_index_settings(environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("HOME") or "/")
    config = Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME") else home / ".config"
    named = environ.get("UV_CONFIG_FILE")
    for file in (Path(named) if named else config / "uv" / "uv.toml", Path("/etc/uv/uv.toml")):
        with suppress(OSError, UnicodeDecodeError):
            if re.search(
                r"^\s*(\[\[index\]\]|(extra-)?index(-url)?\s*=)", file.read_text("utf-8"), re.MULTILINE
            ):
                return True
    return False


def _pip_options(environ: Mapping[str, str], system_files: tuple[Path, ...]) -> dict[str, str]:
    """Return pip's options, by the names of its long flags: files first, variables over them."""
    home = Path(environ.get("HOME") or "/")
    config = Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME") else home / ".config"
    files = [
        *system_files,
        home / ".pip" / "pip.conf",
        home / "Library" / "Application Support" / "pip" / "pip.conf",
        config / "pip" / "pip.conf",
    ]
    if environ.get("PIP_CONFIG_FILE"):
        # pip's own way of switching the files off.
        files = (
            [] if environ["PIP_CONFIG_FILE"] == "/dev/null" else [*files, Path(environ["PIP_CONFIG_FILE"])]
        )
    options: dict[str, str] = {}
    for file in files:
        options |= _read_pip_file(file)
    names = {option for option, *_ in _TRANSLATIONS}
    for name in names:
        value = environ.get(f"PIP_{name.upper().replace('-', '_')}")
        if value:
            options[name] = value
    return options


def _read_pip_file(file: Path) -> dict[str, str]:
    # What is wrong with it pip itself will complain about; it is no reason for us to fail.
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    sections = [section for section in ("global", "install") if parser.has_section(section)]
    return {name.replace("_", "-"): value for section in sections for name, value in parser.items(section)}
