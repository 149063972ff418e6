"""rollback and receipts: back to the state after an earlier deploy, and what deploys there were."""

from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.deploy_options import run_options, skip_option, take_over_option, wait_options
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.progress import open_progress


@click.command()
@click.argument("deployment", required=False)
@project_option
@click.option(
    "--to",
    envvar="MWAA_LOCAL_TO",
    metavar="RECEIPT",
    help="The receipt whose state comes back, or `start` [default: the one before the last].",
)
@click.option("--list", "as_list", is_flag=True, help="List the receipts instead.")
@click.option("--dry-run", is_flag=True, envvar="MWAA_LOCAL_DRY_RUN", help="Only show the plan.")
@take_over_option
@skip_option
@run_options
@wait_options
@json_option
def rollback_command(deployment: str | None, folder: Path, as_list: bool, **options: Any) -> int:
    """Put back what DEPLOYMENT's bucket had after an earlier deploy, and update its environment to that.

    Takes the versions that the bucket has kept; the project's own files are not used and stay as they are.
    """
    from mwaa_local.cli.deploy_history import RollbackWish, roll_back, show_receipts
    from mwaa_local.cli.staging import choose_deployment

    chosen = choose_deployment(folder, deployment)
    if as_list:
        show_receipts(chosen, as_json=options["as_json"])
        return 0
    wish = RollbackWish(options["to"], options["take_over"], options["skip"])
    return roll_back(chosen, wish, options, open_progress())


@click.command()
@click.argument("deployment", required=False)
@project_option
@json_option
def receipts_command(deployment: str | None, folder: Path, as_json: bool) -> None:
    """List the receipts of DEPLOYMENT's deploys and rollbacks, the newest first."""
    from mwaa_local.cli.deploy_history import show_receipts
    from mwaa_local.cli.staging import choose_deployment

    show_receipts(choose_deployment(folder, deployment), as_json=as_json)
