"""Finds the Python that a version's Airflow runs on, and verifies it by running it.

The answer is remembered with the file's date, so that a second `start` runs nothing.
"""

import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mwaa_local.catalog import MwaaVersion
from mwaa_local.errors import CommandError, InterpreterError
from mwaa_local.runtime.installer import Toolchain, run_uv
from mwaa_local.runtime.interpreter_candidates import (
    SYSTEM_FOLDERS,
    Candidate,
    list_candidates,
    list_uv_managed,
)

_NEIGHBOURS: dict[tuple[int, int], tuple[str, ...]] = {
    (1, 10): ("3.8",),
    (2, 0): ("3.8",),
    (2, 2): ("3.8", "3.9"),
    (2, 4): ("3.9", "3.8"),
    (2, 5): ("3.9", "3.8"),
    (2, 6): ("3.11", "3.9"),
    (2, 7): ("3.10", "3.9"),
    (2, 8): ("3.10", "3.9"),
    (2, 9): ("3.12", "3.10"),
    (2, 10): ("3.12", "3.10"),
    (2, 11): ("3.11", "3.10"),
    (3, 0): ("3.11", "3.10"),
    (3, 2): ("3.13", "3.11"),
    (3, 3): ("3.13", "3.11"),
}
"""Other Python versions that each Airflow supports, nearest first (the classifiers of its release on PyPI)."""

_PROBE = """\
import json, platform, sys, sysconfig
missing = []
for name in ("venv", "ssl", "ctypes", "sqlite3", "zlib"):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "platform": sysconfig.get_platform(),
    "abi": sysconfig.get_config_var("SOABI") or "",
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "missing": missing,
}))
"""

_PROBE_SECONDS = 20.0
_INSTALL_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that was run and found fit."""

    path: Path
    version: str
    """In full, for example `3.7.16`."""
    source: str
    """How it was found: `setting`, `uv`, `PATH`, `pyenv`, `system`, ..."""
    warning: str
    """What differs from MWAA, for the user to read; empty where nothing does."""
    platform: str
    """System, architecture and ABI that packages are installed for."""


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look, besides what the environment variables say."""

    tools: Toolchain
    cache: Path
    system_folders: tuple[str, ...] = SYSTEM_FOLDERS


def find_interpreter(version: MwaaVersion, explicit: Path | None, search: Search) -> Interpreter:
    """Return an interpreter for `version`: the one that was set, the right minor, or (with a warning) a neighbour."""
    if explicit is not None:
        return _explicit(version, explicit, search)
    remembered = _recall(search, version.airflow)
    if remembered and not remembered.warning:
        return remembered
    found = _find_local(version.python, search)
    if found is None and remembered:
        return remembered
    found = found or _install(version.python, search) or _find_neighbour(version, search)
    if found is None:
        raise InterpreterError(
            f"Airflow {version.airflow} runs on Python {version.python}, and there is none on this machine.",
            hint=f"Install it (`uv python install {version.python}` or `pyenv install {version.python}`), "
            "or name one: python in mwaa-local.toml, MWAA_LOCAL_PYTHON.",
        )
    _remember(search, version.airflow, found)
    return found


def neighbours(version: MwaaVersion) -> tuple[str, ...]:
    """Return the other Python versions that this Airflow supports, nearest first."""
    return _NEIGHBOURS.get((version.number[0], version.number[1]), ())


def _explicit(version: MwaaVersion, path: Path, search: Search) -> Interpreter:
    remembered = _recall(search, str(path))
    found = remembered or _probe(Candidate(path, "setting"), search, complain=True)
    assert found is not None
    _remember(search, str(path), found)
    minor = _minor(found.version)
    if minor == version.python:
        return found
    if minor in neighbours(version):
        return _with_warning(found, version)
    raise InterpreterError(
        f"{path} is Python {found.version}; Airflow {version.airflow} runs on Python {version.python}.",
        hint=f"Name a Python {version.python}, or leave the setting out and let mwaa-local find one.",
    )


def _find_local(minor: str, search: Search) -> Interpreter | None:
    return _first_fit(minor, list_candidates(minor, search.tools.environ, search.system_folders), search)


def _first_fit(minor: str, candidates: tuple[Candidate, ...], search: Search) -> Interpreter | None:
    for candidate in candidates:
        found = _probe(candidate, search)
        if found and _minor(found.version) == minor:
            return found
    return None


def _install(minor: str, search: Search) -> Interpreter | None:
    """Let uv download the interpreter; None where it has none for this machine, or the network is away."""
    search.tools.notify(f"No Python {minor} on this machine; asking uv for one.")
    with suppress(CommandError):
        # Without --no-bin uv would put a python3.x into the user's ~/.local/bin.
        result = run_uv(
            search.tools, ["python", "install", "--no-bin", minor], timeout=_INSTALL_SECONDS, downloads=True
        )
        if result.exit_code == 0:
            return _first_fit(minor, list_uv_managed(minor, search.tools.environ), search)
    return None


def _find_neighbour(version: MwaaVersion, search: Search) -> Interpreter | None:
    for find in (_find_local, _install):
        for minor in neighbours(version):
            found = find(minor, search)
            if found:
                return _with_warning(found, version)
    return None


def _with_warning(found: Interpreter, version: MwaaVersion) -> Interpreter:
    warning = (
        f"Python {found.version} stands in for the Python {version.python} that MWAA {version.airflow} runs: Airflow "
        f"supports it, but code and wheels that work here may fail there. `uv python install {version.python}`, "
        "or a python in mwaa-local.toml, cures it."
    )
    return Interpreter(found.path, found.version, found.source, warning, found.platform)


def _probe(candidate: Candidate, search: Search, *, complain: bool = False) -> Interpreter | None:
    """Run the candidate and return what it is; None (or, where asked, an error) if it is no fit interpreter."""
    problem, found = "", None
    try:
        result = search.tools.commands.run(
            [str(candidate.path), "-I", "-c", _PROBE], cwd=Path("/"), timeout=_PROBE_SECONDS
        )
        problem, found = _judge(candidate, result.stdout if result.exit_code == 0 else "")
    except CommandError as error:
        problem = error.message
    if problem and complain:
        raise InterpreterError(
            f"{candidate.path} cannot be used: {problem}",
            hint="Name another interpreter, or leave the setting out.",
        )
    return None if problem else found


def _judge(candidate: Candidate, output: str) -> tuple[str, Interpreter | None]:
    try:
        facts: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        version, missing = str(facts["version"]), list(facts["missing"])
        base, prefix, executable = str(facts["base_prefix"]), str(facts["prefix"]), str(facts["executable"])
        platform = f"{facts['platform']} {facts['abi']}"
    except (ValueError, TypeError, KeyError, IndexError):
        return "it does not run as a Python interpreter.", None
    if facts["implementation"] != "CPython":
        return f"it is {facts['implementation']}; Airflow needs CPython.", None
    if missing:
        return f"it lacks {', '.join(missing)}.", None
    path = Path(executable) if executable else candidate.path
    if prefix != base:
        # A virtual environment's: what stands behind it outlives the environment.
        path = Path(base) / "bin" / f"python{_minor(version)}"
    return "", Interpreter(path, version, candidate.source, "", platform)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _memory(search: Search) -> Path:
    return search.cache / "interpreters.json"


def _recall(search: Search, name: str) -> Interpreter | None:
    """Return the answer of last time, if its file is still the same."""
    try:
        known = json.loads(_memory(search).read_text(encoding="utf-8"))[name]
        path = Path(known["path"])
        if known["stamp"] != _stamp(path):
            return None
        return Interpreter(path, known["version"], known["source"], known["warning"], known["platform"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(search: Search, name: str, found: Interpreter) -> None:
    """Keep the answer; a cache that cannot be written only costs time."""
    file = _memory(search)
    with suppress(OSError):
        known: dict[str, object] = {}
        with suppress(OSError, ValueError):
            content = json.loads(file.read_text(encoding="utf-8"))
            known = content if isinstance(content, dict) else {}
        entry = {**asdict(found), "path": str(found.path), "stamp": _stamp(found.path)}
        if known.get(name) == entry:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
        temporary.write_text(json.dumps({**known, name: entry}, indent=1), encoding="utf-8")
        temporary.replace(file)


def _stamp(path: Path) -> list[object]:
    status = path.stat()
    return [str(path.resolve()), status.st_mtime_ns, status.st_size]
