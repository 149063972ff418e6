"""plan: what a deploy would do, and what stands in its way; nothing is changed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mwaa_local.cli.deploy_options import plan_options, take_wishes
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.progress import open_progress
from mwaa_local.cli.render import is_coloured
from mwaa_local.errors import FindingsError
from mwaa_local.validation.reports import render_json

if TYPE_CHECKING:
    from mwaa_local.cli.deploy_session import Prepared


@click.command()
@click.argument("deployment", required=False)
@project_option
@click.option("--diff", is_flag=True, envvar="MWAA_LOCAL_DIFF", help="Show what changes in each text file.")
@plan_options
@json_option
def plan_command(deployment: str | None, folder: Path, diff: bool, as_json: bool, **options: Any) -> int:
    """Show what `deploy` would do to DEPLOYMENT's bucket and environment.

    The exit code is 3 if conflicts, or errors that a check found, would stop it.
    """
    from mwaa_local.cli.deploy_document import prepared_document
    from mwaa_local.cli.deploy_session import check, look_and_plan
    from mwaa_local.cli.deploy_view import conclude, render_prepared
    from mwaa_local.cli.staging import choose_deployment

    wishes, progress, coloured = take_wishes(options), open_progress(), is_coloured()
    prepared = check(look_and_plan(choose_deployment(folder, deployment), wishes, progress), wishes, progress)
    patch = _diffs(prepared, coloured=coloured and not as_json) if diff else ""
    if as_json:
        document = {**prepared_document(prepared), **({"diff": patch} if diff else {})}
        click.echo(render_json(document), nl=False)
    else:
        click.echo("\n\n".join(filter(None, (render_prepared(prepared, coloured=coloured), patch))))
    click.echo(conclude(prepared), err=True)
    return FindingsError.exit_code if prepared.is_stopped else 0


def _diffs(prepared: "Prepared", *, coloured: bool) -> str:
    from mwaa_local.cli.deploy_diff import render_diffs

    return render_diffs(prepared.plan, prepared.site.store, coloured=coloured)
