"""package-requirements: the wheels that an environment without internet access installs from plugins.zip."""

from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.app import make_app
from mwaa_local.cli.finding_report import exit_code, render_report
from mwaa_local.cli.options import project_option
from mwaa_local.cli.package_plugins import Packed, pack_plugins
from mwaa_local.cli.progress import open_progress
from mwaa_local.cli.render import is_coloured, render_size
from mwaa_local.cli.requirements_bundle import Bundle, BundleWishes, make_bundle
from mwaa_local.config import LoadedConfig
from mwaa_local.deploy.bundle_folder import WHEELS
from mwaa_local.deploy.requirements_bundle import PACKAGED_FILE
from mwaa_local.errors import ProjectError
from mwaa_local.validation.finding import has_errors
from mwaa_local.validation.reports import SCHEMA, render_json

FOLDER = "packaged-requirements"


@click.command()
@project_option
@click.option("--version", metavar="VERSION", help="MWAA version [default: the project's].")
@click.option("--amazon-provider", metavar="VERSION", help="Version of the amazon provider, or `stock`.")
@click.option("--python", metavar="PATH", help="Interpreter for the environment.")
@click.option("--requirements", type=click.Path(), help="Where the project's requirements lie.")
@click.option("--plugins", type=click.Path(), help="Where the project's plugins lie.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help=f"The bundle [default: {FOLDER}]."
)
@click.option("--complete", is_flag=True, help="Bundle what MWAA has preinstalled, too.")
@click.option("--prove/--no-prove", default=True, help="Install the bundle without a network, or do not.")
@click.option("--with-plugins", is_flag=True, help="Write plugins.zip, with the plugins and the wheels.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def package_requirements_command(folder: Path, with_plugins: bool, as_json: bool, **wishes: Any) -> int:
    """Bundle the requirements as wheels, for environments without internet access.

    The wheels are for Linux x86_64 and MWAA's Python, whatever this machine is. Source packages of pure Python are
    built; others are refused by name. The proof installs the bundle into a copy of MWAA's environment with the
    network cut off.
    """
    app = make_app()
    paths = {name: wishes[name] for name in ("requirements", "plugins")}
    project = app.project(folder, paths)
    loaded = app.load(project, {name: wishes[name] for name in ("version", "amazon_provider", "python")})
    if project.requirements is None:
        raise ProjectError(f"{project.root} has no requirements.txt.", hint="Name it with --requirements.")
    output = (wishes["output"] or project.root / FOLDER).absolute()
    progress = open_progress()
    bundle = make_bundle(
        app, project, loaded, BundleWishes(output, wishes["complete"], wishes["prove"]), progress
    )
    packed = pack_plugins(project, loaded, wheels=(output / WHEELS,)) if with_plugins else None
    if as_json:
        click.echo(render_json(_document(bundle, loaded, packed)), nl=False)
    else:
        click.echo("\n".join(_lines(bundle, loaded, packed)))
    return exit_code(packed.findings) if packed else 0


def _document(bundle: Bundle, loaded: LoadedConfig, packed: Packed | None) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "version": loaded.version.airflow,
        "folder": str(bundle.folder),
        "size": bundle.size,
        "wheels": [
            {"name": wheel.name, "version": wheel.version, "file": wheel.file, "built": wheel.built}
            for wheel in bundle.wheels
        ],
        "preinstalled": dict(bundle.plan.present),
        "changes": [
            {"name": name, "mwaa": before, "bundle": after} for name, before, after in bundle.plan.changes
        ],
        "proven": bundle.install is not None,
        "without_network": bool(bundle.install and bundle.install.without_network),
        "plugins": str(packed.written.path) if packed and packed.written else None,
    }


def _lines(bundle: Bundle, loaded: LoadedConfig, packed: Packed | None) -> list[str]:
    lines = [f"{wheel.file}{'  (built from source)' if wheel.built else ''}" for wheel in bundle.wheels]
    for name, before, after in bundle.plan.changes:
        lines.append(f"warning: the bundle changes {name} from MWAA's {before} to {after}.")
    count = len(bundle.wheels)
    where = f"Python {loaded.version.python} on Linux x86_64"
    lines.append(
        f"{bundle.folder}: {count} wheel{'' if count == 1 else 's'} for {where}, {render_size(bundle.size)}; "
        f"{len(bundle.plan.present)} further packages are in MWAA's environment."
    )
    if bundle.install:
        how = "had no network" if bundle.install.without_network else "had a network that leads nowhere"
        lines.append(f"It installs into a copy of MWAA's environment that {how}.")
    return [*lines, *_next_steps(bundle, packed)]


def _next_steps(bundle: Bundle, packed: Packed | None) -> list[str]:
    file = bundle.folder / PACKAGED_FILE
    if packed is None:
        return [
            f"Next: mwaa-local package-plugins --with-wheels {bundle.folder / WHEELS}",
            f"  and deploy {file}",
        ]
    report = render_report(packed.findings, coloured=is_coloured())
    lines = [report] if report else []
    if packed.written and not has_errors(packed.findings):
        size = render_size(packed.written.size)
        lines.append(f"{packed.written.path}: plugins and wheels, {size}; deploy it with {file}")
    return lines
