"""cost: what an environment costs in a month."""

import os
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from mwaa_local.aws_ports import EnvironmentRecord
from mwaa_local.cli.look import open_environments
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.cli.render import render_table, wrap
from mwaa_local.cli.staging import choose_deployment
from mwaa_local.config import EnvironmentClass, Origin, Project, Source
from mwaa_local.config_loading import load_config
from mwaa_local.config_values import Given, check_class
from mwaa_local.cost import (
    Cost,
    CostWish,
    included_schedulers,
    included_webservers,
    price_environment,
    round_money,
)
from mwaa_local.cost_prices import OWN_PRICES, PriceTable, load_prices
from mwaa_local.errors import ProjectError, UsageError
from mwaa_local.project import find_project
from mwaa_local.validation.reports import render_json

MONTH = "730"
"""Hours of an average month, as AWS's own calculator has them."""
STORAGE = "10"
"""GB: what AWS's examples take for an ordinary environment."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """The environment that is priced, as far as flags do not say."""

    environment_class: EnvironmentClass
    region: str
    workers: int
    schedulers: int | None
    """None: those that are included."""


def _number(text: str) -> Decimal:
    """Return a number that is not negative, exactly as it was written."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise click.BadParameter(f"{text!r} is not a number.") from None
    if not number.is_finite() or not 0 <= number <= _MOST:
        raise click.BadParameter(f"{text} cannot be priced.")
    return number


_COUNT = click.IntRange(1, 1000)
_MOST = 10**9


@click.command()
@click.argument("deployment", required=False)
@project_option
@click.option("--class", "environment_class", envvar="MWAA_LOCAL_CLASS", help="Environment class.")
@click.option(
    "--hours",
    envvar="MWAA_LOCAL_COST_HOURS",
    type=_number,
    metavar="NUMBER",
    default=MONTH,
    show_default=True,
    help="Hours that it exists.",
)
@click.option(
    "--workers",
    envvar="MWAA_LOCAL_COST_WORKERS",
    type=_COUNT,
    metavar="NUMBER",
    help="Workers that run all the time.",
)
@click.option(
    "--worker-hours",
    envvar="MWAA_LOCAL_COST_WORKER_HOURS",
    type=_number,
    metavar="NUMBER",
    help="Hours of all workers beyond the included one, instead.",
)
@click.option(
    "--schedulers",
    envvar="MWAA_LOCAL_COST_SCHEDULERS",
    type=_COUNT,
    metavar="NUMBER",
    help="Schedulers [default: those included].",
)
@click.option(
    "--webservers",
    envvar="MWAA_LOCAL_COST_WEBSERVERS",
    type=_COUNT,
    metavar="NUMBER",
    help="Web servers [default: those included].",
)
@click.option(
    "--storage",
    envvar="MWAA_LOCAL_COST_STORAGE",
    type=_number,
    metavar="NUMBER",
    default=STORAGE,
    show_default=True,
    help="Metadata database in GB.",
)
@click.option(
    "--prices", type=click.Path(path_type=Path), envvar="MWAA_LOCAL_PRICES", help="Another price table."
)
@click.option("--list", "as_list", is_flag=True, help="Print the price table instead.")
@json_option
def cost_command(deployment: str | None, folder: Path, as_list: bool, as_json: bool, **wishes: Any) -> None:
    """Price an environment for a month; with DEPLOYMENT, the live one that it deploys to.

    The fee of an environment includes a worker, two schedulers and two web servers. S3, CloudWatch, NAT gateways and
    endpoints are billed apart.
    """
    file = wishes["prices"] or OWN_PRICES
    table = load_prices(file)
    if as_list:
        click.echo(file.read_text(encoding="utf-8-sig"), nl=False)
        return
    subject = _live(folder, deployment) if deployment else _project(folder)
    wish = _wish(subject, table, wishes)
    cost = price_environment(wish, table)
    if as_json:
        click.echo(render_json(_document(subject, wish, cost, table)), nl=False)
    else:
        click.echo("\n".join(_lines(cost)))
        click.echo("\n".join(_notes(subject, cost, table)), err=True)


def _project(folder: Path) -> _Subject:
    try:
        project = find_project(folder)
    except ProjectError:
        # A price can be asked for before there is a project.
        root = folder.absolute()
        project = Project(root, root, None, None, None, None)
    config = load_config(project, {}, os.environ).config
    return _Subject(config.environment_class, config.region, 1, None)


def _live(folder: Path, name: str) -> _Subject:
    deployment = choose_deployment(folder, name).deployment
    if deployment.environment is None:
        raise UsageError(
            f'The deployment "{name}" names no environment to be priced.',
            hint=f'Say environment = "..." in [deployments.{name}], or leave the name out.',
        )
    record = open_environments(deployment.profile, deployment.region).get(deployment.environment)
    if record is None:
        raise UsageError(
            f'{deployment.region} has no environment "{deployment.environment}".',
            hint="See: mwaa-local deployments list",
        )
    return live_subject(record, deployment.region)


def live_subject(record: EnvironmentRecord, region: str) -> _Subject:
    """Return what is priced of a live environment: its smallest number of workers runs all the time."""
    given = Given("class", record.environment_class, Origin(Source.DEFAULT), Path())
    return _Subject(check_class(given), region, record.min_workers, record.schedulers)


def _wish(subject: _Subject, table: PriceTable, wishes: dict[str, Any]) -> CostWish:
    environment_class = subject.environment_class
    if wishes["environment_class"]:
        flag = Origin(Source.FLAG, "--class")
        environment_class = check_class(Given("class", wishes["environment_class"], flag, Path()))
    if wishes["workers"] is not None and wishes["worker_hours"] is not None:
        raise UsageError("--workers and --worker-hours exclude one another.", hint="Give one of them.")
    hours: Decimal = wishes["hours"]
    beyond = max(0, (wishes["workers"] or subject.workers) - table.workers)
    worker_hours = wishes["worker_hours"] if wishes["worker_hours"] is not None else beyond * hours
    return CostWish(
        environment_class,
        hours,
        worker_hours,
        wishes["schedulers"] or subject.schedulers or included_schedulers(environment_class, table),
        wishes["webservers"] or included_webservers(environment_class, table),
        wishes["storage"],
    )


def _lines(cost: Cost) -> list[str]:
    rows = []
    for item in cost.items:
        amount = item.amount
        price = "unknown" if item.price is None else f"${item.price}"
        shown = "unknown" if amount is None else f"{round_money(amount):,}"
        rows.append((item.name, f"{item.quantity:,f} {item.unit}", price, shown))
    total = f"{'at least ' if cost.unknown else ''}${cost.total:,}"
    width = max(len(row[3]) for row in rows)
    aligned = [(*row[:3], row[3].rjust(width)) for row in rows]
    return [*render_table(("WHAT", "QUANTITY", "PRICE", "US$"), aligned), "", f"Total: {total}"]


def _notes(subject: _Subject, cost: Cost, table: PriceTable) -> list[str]:
    notes = [f"Prices of {table.region}, {table.date} ({table.source})."]
    if subject.region != table.region:
        notes.append(f"Those of {subject.region} may differ: --prices FILE takes another table.")
    if cost.unknown:
        notes.append(
            f"Not known: the price of {', '.join(cost.unknown)}. Put it into a table of your own: "
            "mwaa-local cost --list > prices.toml"
        )
    return ["", *(line for note in notes for line in wrap(note, 80))]


def _document(subject: _Subject, wish: CostWish, cost: Cost, table: PriceTable) -> dict[str, object]:
    return {
        "schema": 1,
        "currency": "USD",
        "total": str(cost.total),
        "complete": not cost.unknown,
        "items": [
            {
                "name": item.name,
                "quantity": f"{item.quantity:f}",
                "unit": item.unit,
                "price": None if item.price is None else str(item.price),
                "amount": None if item.amount is None else str(item.amount),
            }
            for item in cost.items
        ],
        "wish": {
            name: value if isinstance(value, int) else str(value) for name, value in asdict(wish).items()
        },
        "region": subject.region,
        "prices": {"date": table.date, "region": table.region, "source": table.source},
    }
