"""init: a new project from a template."""

import shlex
import textwrap
from pathlib import Path

import click

from mwaa_local.catalog import DEFAULT_VERSION, load_version
from mwaa_local.scaffold import apply_init, list_templates, plan_init

TEMPLATES = "\n".join(
    textwrap.fill(
        f"{template.name:8} {template.summary}", 78, initial_indent="  ", subsequent_indent=" " * 11
    )
    for template in list_templates()
)


@click.command(epilog=f"\b\nTemplates:\n{TEMPLATES}")
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[DIR]")
@click.option(
    "--template", default=list_templates()[0].name, metavar="NAME", show_default=True, help="What to make."
)
@click.option("--version", default=DEFAULT_VERSION, show_default=True, help="MWAA version of the project.")
@click.option("--dry-run", is_flag=True, help="Only list the files that would be made.")
def init_command(folder: Path, template: str, version: str, dry_run: bool) -> None:
    """Make a new project in DIR, or here; a file that exists is never changed."""
    files = plan_init(template, folder.absolute(), load_version(version))
    if not dry_run:
        apply_init(folder.absolute(), files)
    for file in files:
        click.echo(str(folder / file.path))
    if not dry_run:
        go = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
        click.echo(f"Next: {go}mwaa-local start", err=True)
