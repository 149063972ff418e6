"""`cost` from the command line: the bill, what it is based on, and what it will not price."""

import json
from pathlib import Path

import pytest

from mwaa_local.cli.cost import live_subject
from mwaa_local.cost_prices import OWN_PRICES
from tests.cli.environments import Cli
from tests.fakes_environment import in_status

EXAMPLE = ("cost", "--class", "small", "--hours", "744", "--worker-hours", "1519")
SHOWN = """\
WHAT                   QUANTITY  PRICE   US$
mw1.small environment  744 h     $0.49   364.56
additional workers     1,519 h   $0.055   83.55
metadata database      10 GB     $0.10     1.00

Total: $449.11
"""
BASIS = """
Prices of us-east-1, 2026-08 (the AWS Price List API, read second-hand; AWS's
own worked example for us-east-1 confirms mw1.small).
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--class", "mw1.tiny"), "--class: class cannot be 'mw1.tiny'"),
        (("--hours", "x"), "'x' is not a number."),
        (("--hours", "-1"), "-1 cannot be priced."),
        (("--hours", "nan"), "nan cannot be priced."),
        (("--workers", "2", "--worker-hours", "2"), "--workers and --worker-hours exclude one another."),
        (("--class", "micro", "--workers", "2"), "mw1.micro has one worker"),
        (("--prices", "no.toml"), "no.toml cannot be read"),
    ],
)
def test_what_cannot_be_priced_ends_with_2(
    project: Path, cli: Cli, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("cost", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_deployment_without_an_environment_cannot_be_priced(project: Path, cli: Cli) -> None:
    (project / "mwaa-local.toml").write_text('[deployments.staging]\nbucket = "abc"\n', encoding="utf-8")
    done = cli("cost", "staging")
    assert done.exit_code == 2
    assert 'The deployment "staging" names no environment to be priced.' in done.stderr


def test_the_bill_adds_up_and_says_what_it_is_based_on(project: Path, cli: Cli) -> None:
    done = cli(*EXAMPLE)
    assert (done.exit_code, done.stdout, done.stderr) == (0, SHOWN, BASIS)


def test_it_needs_no_project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli(*EXAMPLE).stdout == SHOWN


def test_json_is_exact(project: Path, cli: Cli) -> None:
    document = json.loads(cli(*EXAMPLE, "--json").stdout)
    assert (document["total"], document["complete"], document["currency"]) == ("449.11", True, "USD")
    assert document["items"][1] == {
        "name": "additional workers",
        "quantity": "1519",
        "unit": "h",
        "price": "0.055",
        "amount": "83.545",
    }


def test_an_unknown_price_makes_the_sum_a_least_one(project: Path, cli: Cli) -> None:
    done = cli("cost", "--class", "xlarge", "--workers", "2")
    assert done.exit_code == 0
    assert "additional workers      730 h     unknown   unknown" in done.stdout
    assert done.stdout.endswith("Total: at least $1,446.40\n")
    assert "Not known: the price of additional workers." in done.stderr


def test_another_region_is_pointed_out(project: Path, cli: Cli) -> None:
    (project / "mwaa-local.toml").write_text(
        '[environment]\nregion = "eu-west-1"\nclass = "mw1.large"\n', encoding="utf-8"
    )
    done = cli("cost")
    assert done.stdout.startswith("WHAT                   QUANTITY  PRICE  US$\nmw1.large environment")
    assert "Those of eu-west-1 may differ: --prices FILE takes another table." in done.stderr


def test_the_table_can_be_listed_and_given_back(project: Path, cli: Cli) -> None:
    listed = cli("cost", "--list").stdout
    assert listed == OWN_PRICES.read_text(encoding="utf-8")
    (project / "prices.toml").write_text(listed, encoding="utf-8")
    assert cli(*EXAMPLE, "--prices", "prices.toml").stdout == SHOWN


def test_a_live_environment_is_priced_with_its_smallest_number_of_workers() -> None:
    subject = live_subject(in_status("AVAILABLE", environment_class="mw1.large", min_workers=3), "eu-west-1")
    assert (subject.environment_class, subject.workers, subject.schedulers) == ("mw1.large", 3, 2)
