"""stage: a deployment laid out as a folder, exactly as the bucket will have it."""

from collections import Counter
from pathlib import Path

import click

from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.render import render_size, render_table
from mwaa_local.cli.staging import ChosenDeployment, choose_deployment
from mwaa_local.deploy.manifest import Manifest, Part, StagedFile
from mwaa_local.deploy.stage_folder import manifest_path, stage_document, write_stage
from mwaa_local.deployment import Deployment
from mwaa_local.validation.reports import render_json

FOLDER = "stage"
_NAMES = {
    Part.DAGS: "DAG folder",
    Part.PLUGINS: "plugins",
    Part.REQUIREMENTS: "requirements",
    Part.STARTUP_SCRIPT: "startup script",
    Part.EXTRA: "extra",
}


@click.command()
@click.argument("deployment", required=False)
@project_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="MWAA_LOCAL_STAGE_OUTPUT",
    metavar="DIR",
    help=f"The folder to write [default: {FOLDER}/DEPLOYMENT].",
)
@json_option
def stage_command(deployment: str | None, folder: Path, output: Path | None, as_json: bool) -> None:
    """Write what DEPLOYMENT puts into the bucket as a folder, with a manifest of digests beside it.

    The same files give the same folder on every machine.

    Try it: mwaa-local start --from-stage DIR
    """
    chosen = choose_deployment(folder, deployment)
    manifest = chosen.manifest()
    target = output.absolute() if output else chosen.project.root / FOLDER / chosen.deployment.name
    write_stage(chosen.deployment, manifest, target, hide=output is None)
    if as_json:
        document = stage_document(chosen.deployment, manifest)
        click.echo(
            render_json({**document, "folder": str(target), "manifest": str(manifest_path(target))}), nl=False
        )
    else:
        click.echo("\n".join(_lines(chosen, manifest, output or target)))


def _lines(chosen: ChosenDeployment, manifest: Manifest, target: Path) -> list[str]:
    rows = _rows(chosen.deployment, manifest)
    total = sum(file.size for file in manifest.files)
    shown = target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target
    return [
        f"{chosen.deployment.name}: {_files(len(manifest.files))}, {render_size(total)}, "
        f"for s3://{chosen.deployment.bucket}",
        "",
        *(f"  {line}" for line in render_table(("WHAT", "KEY", "FILES", "SIZE"), rows)),
        "",
        f"Folder:    {shown}",
        f"Manifest:  {manifest_path(shown)}",
        f"Try it:    mwaa-local start --from-stage {shown}",
    ]


def _rows(deployment: Deployment, manifest: Manifest) -> list[tuple[str, str, str, str]]:
    """Return a line for each tree, and one for each file that stands alone."""
    counts: Counter[tuple[Part, str]] = Counter()
    sizes: Counter[tuple[Part, str]] = Counter()
    for file in manifest.files:
        group = (file.part, _group(deployment, file))
        counts[group] += 1
        sizes[group] += file.size
    return [
        (_NAMES[part], key, str(number), render_size(sizes[part, key]))
        for (part, key), number in counts.items()
    ]


def _group(deployment: Deployment, file: StagedFile) -> str:
    if file.part not in (Part.DAGS, Part.EXTRA):
        return file.key
    trees = (f"{tree.key}/" for tree in (*deployment.dags, *deployment.extras))
    return next((tree for tree in trees if file.key.startswith(tree)), file.key)


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
