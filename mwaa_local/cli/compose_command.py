"""compose export: the environment's Compose file, for those who want to run it without mwaa-local."""

from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.app import make_app
from mwaa_local.cli.options import environment_options, project_option
from mwaa_local.cli.progress import open_progress
from mwaa_local.errors import UsageError
from mwaa_local.runtime.compose_export import ExportPlace, export_compose


@click.group(name="compose")
def compose_command() -> None:
    """Work with the Compose file of the environment."""


@compose_command.command("export")
@project_option
@environment_options
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("docker-compose.yml"),
    envvar="MWAA_LOCAL_OUTPUT",
    show_default=True,
    metavar="FILE",
    help="Where to write it.",
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def export_command(folder: Path, output: Path, force: bool, **flags: Any) -> None:
    """Write the environment as a Compose file that runs without mwaa-local.

    Beside FILE come two folders: its secrets, which only you can read, and what its containers write. Its database and
    volumes are its own. Images that the engine has not got yet are built.
    """
    from mwaa_local.cli.containers import make_compose_runtime
    from mwaa_local.cli.trust import make_authority

    place = ExportPlace(output.absolute())
    if place.file.exists() and not force:
        raise UsageError(f"{output} exists already.", hint="choose another name, or add --force")
    app = make_app()
    project = app.project(folder, flags)
    loaded = app.load(project, flags)
    runtime = make_compose_runtime(project, app.host)
    export_compose(runtime, loaded, place, open_progress(), make_authority)
    click.echo(f"Written: {output}, secrets in {place.secrets.name}/, data in {place.data.name}/.", err=True)
    click.echo(f"docker compose -f {output} up -d    # or docker-compose", err=True)
