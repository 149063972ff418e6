"""The Airflow environment of a version: built once per machine from the catalogue's pins, shared by every project.

What a project adds to it is `requirements_install`'s.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.catalog import MwaaVersion, Pin, constraints_for, environment_pins, is_resolved
from mwaa_local.errors import EnvironmentBuildError
from mwaa_local.runtime.cache_entry import Entry, Record, ensure_entry
from mwaa_local.runtime.installer import Toolchain, create_venv, explain, pip_install
from mwaa_local.runtime.interpreters import Interpreter

_RECIPE = 1
"""Raised whenever the same pins would be installed differently, so that older environments are left alone."""

_WHEEL_ONLY = ("psycopg2-binary", "pycurl")
"""Never compiled: they need headers that a laptop rarely has."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A package of MWAA's environment that is not in ours, and what does its work."""

    name: str
    instead: str


@dataclass(frozen=True, slots=True)
class AirflowEnvironment:
    """A complete environment: where it is, and what makes it this one and no other."""

    root: Path
    python: Path
    key: str
    interpreter: Interpreter
    left_out: tuple[LeftOut, ...]
    built: bool
    """Whether it had to be made just now."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    pins: tuple[Pin, ...]
    left_out: tuple[LeftOut, ...]
    resolve: tuple[Pin, ...]
    """Installed after the pins, with what they need; empty where the pins are complete."""
    constraints: tuple[Pin, ...]
    build_constraints: tuple[str, ...]


def ensure_base_environment(
    version: MwaaVersion, amazon_provider: str | None, interpreter: Interpreter, cache: Path, tools: Toolchain
) -> AirflowEnvironment:
    """Return the environment of `version` with `amazon_provider`, building it unless it is in `cache`."""
    recipe = _make_recipe(version, amazon_provider)
    key = _digest(recipe, interpreter)
    folder = cache / "environments" / f"{version.airflow}-{key}"

    def build(partial: Path) -> Record:
        tools.notify(f"Building the environment of Airflow {version.airflow} (once).")
        left_out = _install(partial, recipe, interpreter, version, tools)
        return {
            "airflow": version.airflow,
            "amazon_provider": amazon_provider,
            "key": key,
            "python": interpreter.version,
            "left_out": {each.name: each.instead for each in left_out},
        }

    entry = ensure_entry(folder, build, is_usable, tools.locks)
    return AirflowEnvironment(
        folder, folder / "bin" / "python", key, interpreter, read_left_out(entry.record), entry.built
    )


def is_usable(entry: Entry) -> bool:
    """Return whether the environment's interpreter is still there (a link to one that was since removed is not)."""
    return (entry.folder / "bin" / "python").exists()


def read_left_out(record: Record) -> tuple[LeftOut, ...]:
    """Return what an environment's marker says is left out."""
    names = record.get("left_out")
    return (
        tuple(LeftOut(name, str(instead)) for name, instead in names.items())
        if isinstance(names, dict)
        else ()
    )


def _make_recipe(version: MwaaVersion, amazon_provider: str | None) -> _Recipe:
    """Decide what is installed: never psycopg2 (its binary twin instead), nothing that has no wheel and a stand-in."""
    provider = amazon_provider
    resolved = is_resolved(version, provider)
    wanted = environment_pins(version, provider if resolved else version.amazon_provider_stock)
    stand_ins = {each.name: each.instead for each in version.compiled if each.instead}
    stand_ins["psycopg2"] = "psycopg2-binary"
    left_out = tuple(LeftOut(pin.name, stand_ins[pin.name]) for pin in wanted if pin.name in stand_ins)
    pins = {pin.name: pin for pin in wanted if pin.name not in stand_ins}
    driver = next((pin for pin in wanted if pin.name == "psycopg2"), None)
    if driver and "psycopg2-binary" not in pins:
        pins["psycopg2-binary"] = Pin("psycopg2-binary", driver.version)
    held = () if resolved else _held(pins.values(), provider)
    return _Recipe(
        pins=tuple(pins.values()),
        left_out=left_out,
        resolve=held,
        constraints=() if resolved else constraints_for(version, provider),
        build_constraints=version.build_constraints,
    )


def _held(pins: Iterable[Pin], amazon_provider: str | None) -> tuple[Pin, ...]:
    """Return what must keep its version while the provider's needs are resolved: Airflow and the other providers."""
    amazon = "apache-airflow-providers-amazon"
    kept = tuple(pin for pin in pins if pin.name.startswith("apache-airflow") and pin.name != amazon)
    return (*kept, Pin(amazon, str(amazon_provider)))


def _digest(recipe: _Recipe, interpreter: Interpreter) -> str:
    lines = [
        f"recipe {_RECIPE}",
        f"python {interpreter.version} {interpreter.platform} {interpreter.path}",
        *(f"{pin.name}=={pin.version}" for pin in recipe.pins),
        *(f"then {pin.name}=={pin.version}" for pin in recipe.resolve),
        *(f"under {pin.name}=={pin.version}" for pin in recipe.constraints),
        *(f"build {line}" for line in recipe.build_constraints),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _install(
    folder: Path, recipe: _Recipe, interpreter: Interpreter, version: MwaaVersion, tools: Toolchain
) -> tuple[LeftOut, ...]:
    python = create_venv(tools, interpreter.path, folder)
    what = f"Airflow {version.airflow} cannot be installed"
    left_out, pins = recipe.left_out, recipe.pins
    result = pip_install(tools, python, [*_exact(folder, pins, recipe)], offline_first=True)
    if result.exit_code and "pycurl" in result.stderr and any(pin.name == "pycurl" for pin in pins):
        # No wheel of this pycurl for this machine: our own HTTP client does its work.
        left_out = (*left_out, LeftOut("pycurl", "mwaa-local"))
        pins = tuple(pin for pin in pins if pin.name != "pycurl")
        result = pip_install(tools, python, [*_exact(folder, pins, recipe)], offline_first=True)
    if result.exit_code == 0 and recipe.resolve:
        constraints = write_pins(folder / "mwaa-constraints.txt", recipe.constraints)
        wanted = [f"{pin.name}=={pin.version}" for pin in recipe.resolve]
        result = pip_install(tools, python, [*wanted, "--constraints", str(constraints)])
        what = (
            f"Airflow {version.airflow} cannot be installed with amazon provider {recipe.resolve[-1].version}"
        )
    if result.exit_code:
        raise explain(result.stderr, folder, what)
    if not (folder / "bin" / "airflow").exists():
        raise EnvironmentBuildError(f"{what}: the installer did not bring the airflow command.")
    return left_out


def _exact(folder: Path, pins: tuple[Pin, ...], recipe: _Recipe) -> list[str]:
    """Return the arguments that install exactly `pins`."""
    arguments = ["--no-deps", "--requirements", str(write_pins(folder / "mwaa-pins.txt", pins))]
    for name in _WHEEL_ONLY:
        arguments += ["--only-binary", name]
    if recipe.build_constraints:
        file = folder / "mwaa-build-constraints.txt"
        file.write_text("\n".join(recipe.build_constraints) + "\n", encoding="utf-8")
        arguments += ["--build-constraints", str(file)]
    return arguments


def write_pins(file: Path, pins: Iterable[Pin]) -> Path:
    """Write `pins` as an installer reads them, and return the file."""
    file.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), encoding="utf-8")
    return file
