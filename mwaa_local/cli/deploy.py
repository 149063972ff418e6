"""deploy: look, check, decide, show, ask, do, and wait until the environment has it."""

from pathlib import Path
from typing import Any

import click

from mwaa_local.cli.deploy_options import plan_options, run_options, take_wishes, wait_options
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.progress import open_progress


@click.command()
@click.argument("deployment", required=False)
@project_option
@click.option("--dry-run", is_flag=True, envvar="MWAA_LOCAL_DRY_RUN", help="Only show the plan.")
@run_options
@plan_options
@wait_options
@json_option
def deploy_command(deployment: str | None, folder: Path, dry_run: bool, as_json: bool, **options: Any) -> int:
    """Bring the project into DEPLOYMENT's bucket, and update its environment where that is needed.

    Shows the plan and asks first. Can be interrupted anywhere and run again. The exit code is 0 when all is done, 1 if
    a step or the update failed, 3 if conflicts or errors that a check found stand in the way.
    """
    from mwaa_local.cli.deploy_walk import Manner, walk
    from mwaa_local.cli.staging import choose_deployment

    manner = Manner(
        yes=options["yes"],
        wait=options["wait"],
        timeout=60.0 * options["timeout"],
        break_lock=options["break_lock"],
        as_json=as_json,
        dry_run=dry_run,
    )
    return walk(choose_deployment(folder, deployment), take_wishes(options), manner, open_progress())
