"""Write images/<version>/* from facts.toml and the package lists of a folder (for maintainers).

    python images/update_catalog.py FOLDER [VERSION ...] [--official]

FOLDER holds constraints/, essential/ and installed/, each with <version>.txt. `--official` reads the
constraints from Airflow's own address instead. Without installed/<version>.txt uv resolves the environment.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uv
from version_files import (
    PROVIDER,
    Facts,
    Pins,
    Table,
    as_names,
    as_table,
    quoted,
    render_pins,
    render_version,
)

from mwaa_local.catalog import Pin, load_version
from mwaa_local.errors import CatalogError, CommandError, MwaaLocalError

IMAGES = Path(__file__).parent
CONSTRAINTS_URL = (
    "https://raw.githubusercontent.com/apache/airflow/constraints-{airflow}/constraints-{python}.txt"
)
# Told to uv so that it need not build them (with the headers that they want) to see what they depend on.
NEEDS_NOTHING = "".join(
    f'[[dependency-metadata]]\nname = "{name}"\nrequires-dist = []\n' for name in ("psycopg2", "pycurl")
)
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)")


@dataclass(frozen=True, slots=True)
class Packages:
    """The package lists of one version; `installed` is None where AWS published none."""

    constraints: Pins
    constraints_origin: str
    essential: Pins | None
    installed: Pins | None


def main(arguments: list[str]) -> int:
    """Write the folders of the versions that were asked for, or of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("versions", nargs="*")
    parser.add_argument("--official", action="store_true", help="read constraints from Airflow's own address")
    options = parser.parse_args(arguments)
    document = tomllib.loads((IMAGES / "facts.toml").read_text(encoding="utf-8"))
    try:
        for name in options.versions or document["versions"]:
            facts = load_facts(document["versions"], name)
            facts["base_image"] = document["base_images"][facts["python_full"]]
            facts["system_packages"] = document["system"]["packages"]
            write_version(
                name,
                facts,
                document["compiled"],
                load_packages(options.folder, name, facts, options.official),
            )
            load_version(name, IMAGES)
            print(name)
    except MwaaLocalError as error:
        print(f"update_catalog: {error.message} {error.hint}", file=sys.stderr)
        return error.exit_code
    return 0


def load_facts(versions: Mapping[str, dict[str, object]], name: str) -> dict[str, object]:
    """Return the facts of a version with those of the version that it is like filled in."""
    if name not in versions:
        raise CatalogError(f"facts.toml knows no version {name}.", hint="Add its table first.")
    own = versions[name]
    if "like" not in own:
        return dict(own)
    parent = load_facts(versions, str(own["like"]))
    for transient in (
        "amazon_provider_default",
        "amazon_overlays",
        "documented",
        "uncertain",
        "known_conflicts",
    ):
        parent.pop(transient, None)
    switches = {**as_table(parent["switches"]), **as_table(own.get("switches", {}))}
    return {"known_conflicts": [], **parent, **own, "switches": switches}


def load_packages(folder: Path, name: str, facts: Facts, official: bool) -> Packages:
    """Read the lists of one version."""
    origin = CONSTRAINTS_URL.format(airflow=name, python=facts["python"])
    text = fetch(origin) if official else read_list(folder / "constraints" / f"{name}.txt")
    if text is None:
        raise CatalogError(f"{folder}: no constraints of {name}.", hint="Use --official to fetch them.")
    essential = read_list(folder / "essential" / f"{name}.txt")
    installed = read_list(folder / "installed" / f"{name}.txt")
    return Packages(
        constraints=to_pins(text),
        constraints_origin=origin,
        essential=None if essential is None else to_pins(essential),
        installed=None if installed is None else to_pins(installed),
    )


def read_list(file: Path) -> str | None:
    """Return the text of a list, or None where there is no such file."""
    return file.read_text(encoding="utf-8") if file.is_file() else None


def fetch(url: str) -> str:
    """Return the text behind an address."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 (the address is the constant above)
            return str(answer.read().decode("utf-8"))
    except OSError as error:
        raise CatalogError(
            f"{url}: {error}.",
            hint="Without network, put the file into FOLDER/constraints and leave --official out.",
        ) from error


def to_pins(text: str) -> Pins:
    """Read `name==version` lines of any spelling into canonical names."""
    pins = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match:
            pins[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return pins


def write_version(
    name: str, facts: dict[str, object], compiled: Mapping[str, dict[str, str]], lists: Packages
) -> None:
    """Write every file of one version."""
    derived = lists.installed is None
    environment = (
        resolve_environment(name, facts, lists) if lists.installed is None else dict(lists.installed)
    )
    facts["setuptools"] = lists.constraints.get("setuptools", facts["setuptools"])
    environment |= {each: str(facts[each]) for each in ("watchtower", "pip", "setuptools")}
    uncertain = as_names(facts["uncertain"])
    if derived:
        uncertain.append(
            "AWS published no package list of this version; the one here was resolved from its providers."
        )
    for each in as_names(facts.get("left_out_of_list", [])):
        environment[each] = lists.constraints[each]
        uncertain.append(
            f"The list that AWS published lacks {each}; the version of the constraints was added."
        )
    check_environment(name, facts, environment)
    title = f"Airflow {name}, Python {facts['python']}"
    source = "resolved by uv under the constraints" if derived else "the set that AWS published"
    folder = IMAGES / name
    folder.mkdir(exist_ok=True)
    files = {
        "constraints.txt": render_pins(
            f"Official constraints of {title}\n# from {lists.constraints_origin}", lists.constraints
        ),
        "environment.txt": render_pins(
            f"What MWAA preinstalls with {title}: {source},\n# with MWAA's watchtower, pip and setuptools",
            environment,
        ),
    }
    if lists.essential is not None:
        files["essential.txt"] = render_pins(f"What MWAA lets no project change, {title}", lists.essential)
    tables = (
        *find_compiled(facts, compiled, environment),
        *resolve_overlays(name, facts, lists, environment),
    )
    files["version.toml"] = render_version(name, facts, environment, tables)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")


def resolve_environment(name: str, facts: dict[str, object], lists: Packages) -> Pins:
    """Resolve the environment as AWS's build does: Airflow with its queue, database and known providers."""
    documented = as_table(facts["documented"])
    wanted = [
        f"apache-airflow[celery,statsd,postgres]=={name}",
        "celery[sqs]",
        f"watchtower=={facts['watchtower']}",
    ]
    wanted += [f"{PROVIDER}amazon=={facts['amazon_provider_stock']}"]
    wanted += [f"{PROVIDER}{each}=={number}" for each, number in documented.items()]
    limits = dict(lists.constraints)
    limits.setdefault("psycopg2-binary", limits.get("psycopg2", ""))
    return uv_resolve(facts, wanted, {each: number for each, number in limits.items() if number})


def uv_resolve(facts: Facts, wanted: Iterable[str], limits: Pins) -> Pins:
    """Resolve requirements for the version's Python on Linux."""
    with tempfile.TemporaryDirectory() as folder:
        constraints, settings = Path(folder, "constraints.txt"), Path(folder, "uv.toml")
        constraints.write_text(
            "".join(f"{each}=={number}\n" for each, number in limits.items()), encoding="utf-8"
        )
        settings.write_text(NEEDS_NOTHING, encoding="utf-8")
        options = ["--constraint", str(constraints), "--config-file", str(settings)]
        done = run_uv_compile(facts, options, "\n".join(wanted))
    if done.returncode:
        raise CommandError(f"uv cannot resolve {', '.join(wanted)}:", hint=done.stderr.strip())
    return to_pins(done.stdout)


def run_uv_compile(facts: Facts, options: list[str], requirements: str) -> subprocess.CompletedProcess[str]:
    """Run uv's resolver on requirements for the version's Python on Linux."""
    command = [uv.find_uv_bin(), "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate", *options]
    command += ["--python-version", str(facts["python_full"]), "--python-platform", "x86_64-manylinux_2_28"]
    return subprocess.run(
        command, input=requirements, capture_output=True, text=True, check=False, timeout=600
    )


def check_environment(name: str, facts: Facts, environment: Pins) -> None:
    """Complain where Airflow is missing, and note as uncertain where the list is not what is documented."""
    if environment.get("apache-airflow") != name:
        raise CatalogError(f"The installed list of {name} does not pin apache-airflow=={name}.")
    stock = facts.get("amazon_provider_stock")
    if environment.get(f"{PROVIDER}amazon") != stock:
        raise CatalogError(f"The installed list of {name} does not hold the amazon provider {stock}.")
    uncertain = as_names(facts["uncertain"])
    for each, number in as_table(facts["documented"]).items():
        found = environment.get(PROVIDER + each)
        if found != number:
            has = f"has {found}" if found else "has none"
            uncertain.append(
                f"The user guide lists the {each} provider {number}; the environment AWS published {has}."
            )


def resolve_overlays(name: str, facts: Facts, lists: Packages, environment: Pins) -> Iterable[Table]:
    """Resolve other amazon providers on top of the environment; return the tables of what each changes."""
    for provider, changes in as_table(facts.get("amazon_overlays", {})).items():
        constraints = {
            f"{PROVIDER}amazon": provider,
            **{key: str(each) for key, each in as_table(changes).items()},
        }
        wanted = [
            f"apache-airflow[celery,statsd,postgres]=={name}",
            *(f"{key}=={v}" for key, v in constraints.items()),
        ]
        resolved = uv_resolve(facts, wanted, {**lists.constraints, **environment, **constraints})
        changed = {
            each: number for each, number in sorted(resolved.items()) if environment.get(each) != number
        }
        yield f"amazon_provider.{quoted(provider)}.constraints", constraints
        yield f"amazon_provider.{quoted(provider)}.environment", changed


def find_compiled(
    facts: Facts, candidates: Mapping[str, Mapping[str, str]], environment: Pins
) -> Iterable[Table]:
    """Return the tables of the candidates that have no wheel for this version's Python on Linux."""
    for each, words in candidates.items():
        if each in environment and not has_wheel(facts, Pin(each, environment[each])):
            yield f"compiled.{each}", words


def has_wheel(facts: Facts, pin: Pin) -> bool:
    """Return whether the index has a wheel of this pin for the version's Python on Linux."""
    requirement = f"{pin.name}=={pin.version}"
    done = run_uv_compile(facts, ["--no-deps", "--only-binary", ":all:"], requirement)
    if done.returncode and "no usable wheels" not in done.stderr and "no wheels" not in done.stderr:
        raise CommandError(f"uv cannot look {requirement} up:", hint=done.stderr.strip())
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
