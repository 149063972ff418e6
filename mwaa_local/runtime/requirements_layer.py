"""One installation of a project's requirements: what goes in, its digest, and the installer's run.

MWAA-FACTS 3.1: constraints are forced or not by version, the essential packages cannot change from 2.9.2 on, and
MWAA's watchtower is put back afterwards.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import Generation, MwaaVersion, Pin
from mwaa_local.errors import CommandError, RequirementsError
from mwaa_local.ports import CommandResult
from mwaa_local.requirements_files import RequirementsFiles
from mwaa_local.runtime.environment_copy import installed_versions
from mwaa_local.runtime.installer import Toolchain, pip_install
from mwaa_local.runtime.installer_environ import installer_environ
from mwaa_local.runtime.requirements_failure import is_metadata_failure, requirements_failure
from mwaa_local.runtime.venv import AirflowEnvironment, write_pins

_RECIPE = 1
"""Raised whenever the same requirements would be installed differently."""

_WATCHTOWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Layer:
    """What is installed on what, and how."""

    base: AirflowEnvironment
    version: MwaaVersion
    files: RequirementsFiles
    forced: tuple[Pin, ...]
    """Constraints that MWAA adds because the file has none."""
    essential: tuple[Pin, ...]
    variables: Mapping[str, str]
    timeout: float
    work: Path
    """Where the rewritten files are put for the installer."""
    tools: Toolchain


def digest_layer(layer: Layer) -> str:
    """Digest what goes in; the values of variables stay out: tokens change without changing a package."""
    parts = [f"recipe {_RECIPE}", f"base {layer.base.key}", f"watchtower {layer.version.watchtower}"]
    parts += [f"file {name}\n{text}" for name, text in layer.files.texts]
    parts += [f"{pin.name}=={pin.version}" for pin in (*layer.forced, *layer.essential)]
    parts += [_stamp(path) for local in layer.files.local_files for path in _distributions(local)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def install_layer(layer: Layer, python: Path) -> None:
    """Install the requirements into the environment of `python`, and put MWAA's watchtower back."""
    _write_files(layer)
    try:
        result = _run_installer(layer, python)
    except CommandError as error:
        raise RequirementsError(
            f"{layer.files.sources[0][1]}: not installed after {layer.timeout:g} seconds.",
            hint="MWAA gives up after nine to ten minutes: pin versions (constraints help), or use wheels.",
        ) from error
    if result.exit_code == 0 and _lost_watchtower(layer, python):
        command = ["--no-deps", f"watchtower=={layer.version.watchtower}"]
        result = pip_install(layer.tools, python, command, offline_first=True, timeout=_WATCHTOWER_SECONDS)
    if result.exit_code:
        raise requirements_failure(result.stderr or result.stdout, layer.files, layer.work)


def _lost_watchtower(layer: Layer, python: Path) -> bool:
    if not layer.version.watchtower_reinstalled:
        return False
    return installed_versions(python.parent.parent).get("watchtower") != layer.version.watchtower


def _write_files(layer: Layer) -> None:
    shutil.rmtree(layer.work, ignore_errors=True)
    layer.work.mkdir(parents=True)
    absent = {each.name for each in layer.base.left_out}
    sources = dict(layer.files.sources)
    for name, text in layer.files.texts:
        lines = text.splitlines()
        for requirement in layer.files.requirements:
            if requirement.name in absent and requirement.file == sources.get(name):
                lines[requirement.line - 1] = f"# {requirement.name} is not installed here"
        (layer.work / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_pins(layer.work / "forced-constraints.txt", layer.forced)
    write_pins(layer.work / "essential-constraints.txt", layer.essential)
    for name, values in (
        ("left-out.txt", sorted(absent)),
        ("build-constraints.txt", layer.version.build_constraints),
    ):
        (layer.work / name).write_text("".join(f"{value}\n" for value in values), encoding="utf-8")


def _run_installer(layer: Layer, python: Path) -> CommandResult:
    if layer.version.generation is Generation.AIRFLOW_1:
        # uv cannot resolve against the metadata that Airflow 1.10.12 and its contemporaries published.
        return _run_pip(layer, python)
    environ = {**layer.tools.environ, **layer.variables}
    if layer.files.has_extra_index:
        # As pip: the best version of all indexes, not the first index that knows the name.
        environ.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    arguments = ["--requirements", str(layer.work / "requirements.txt"), *_constraint_arguments(layer)]
    arguments += ["--excludes", str(layer.work / "left-out.txt")]
    arguments += ["--build-constraints", str(layer.work / "build-constraints.txt")]
    for host in layer.files.trusted_hosts:
        arguments += ["--allow-insecure-host", host]
    if layer.files.prereleases:
        arguments += ["--prerelease", "allow"]
    result = pip_install(
        layer.tools,
        python,
        arguments,
        environ=environ,
        offline_first=_is_settled(layer),
        timeout=layer.timeout,
    )
    if result.exit_code and is_metadata_failure(result.stderr):
        return _run_pip(layer, python)
    return result


def _run_pip(layer: Layer, python: Path) -> CommandResult:
    """Install with the environment's own pip, which is MWAA's and reads what uv refuses."""
    command = [str(python), "-m", "pip", "install", "-r", str(layer.work / "requirements.txt")]
    environ = installer_environ({**layer.tools.environ, **layer.variables})
    return layer.tools.commands.run(
        [*command, *_constraint_arguments(layer)], env=environ, cwd=layer.work, timeout=layer.timeout
    )


def _constraint_arguments(layer: Layer) -> list[str]:
    arguments = []
    if layer.forced:
        arguments += ["--constraint", str(layer.work / "forced-constraints.txt")]
    if layer.essential:
        arguments += ["--constraint", str(layer.work / "essential-constraints.txt")]
    return arguments


def _is_settled(layer: Layer) -> bool:
    """Return whether the index has no say: every line is exact, and constraints pin what comes along."""
    constrained = bool(layer.forced) or layer.files.has_constraints
    return constrained and all(line.exact for line in layer.files.requirements)


def _distributions(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.iterdir() if each.suffix in (".whl", ".gz", ".zip"))


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} absent"
    return f"{path} {status.st_size} {status.st_mtime_ns}"
