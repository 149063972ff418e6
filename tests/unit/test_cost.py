"""What an environment costs: exact sums, and nothing guessed."""

from decimal import Decimal
from pathlib import Path

import pytest

from mwaa_local.config import EnvironmentClass
from mwaa_local.cost import Cost, CostWish, price_environment, round_money
from mwaa_local.cost_prices import OWN_PRICES, PriceTable, load_prices
from mwaa_local.errors import UsageError


def price(
    environment_class: EnvironmentClass = EnvironmentClass.SMALL,
    table: PriceTable | None = None,
    **wishes: int,
) -> Cost:
    given = {"hours": 744, "worker_hours": 0, "schedulers": 1, "webservers": 1, "storage": 10} | wishes
    wish = CostWish(
        environment_class,
        Decimal(given["hours"]),
        Decimal(given["worker_hours"]),
        given["schedulers"],
        given["webservers"],
        Decimal(given["storage"]),
    )
    return price_environment(wish, table or load_prices())


def test_the_worked_example_of_aws_gives_exactly_its_sum() -> None:
    cost = price(worker_hours=49 * 31)
    assert [item.amount for item in cost.items] == [Decimal("364.56"), Decimal("83.545"), Decimal("1.00")]
    assert sum((item.amount or Decimal(0) for item in cost.items), Decimal(0)) == Decimal("449.105")
    assert cost.total == Decimal("449.11")
    assert cost.unknown == ()


def test_half_a_cent_goes_up() -> None:
    assert round_money(Decimal("0.005")) == Decimal("0.01")
    assert round_money(Decimal("0.015")) == Decimal("0.02")
    assert round_money(Decimal("0.0049999")) == Decimal("0.00")


def test_only_what_is_beyond_the_included_costs_more() -> None:
    assert price(schedulers=2, webservers=2).total == price().total == Decimal("365.56")
    cost = price(EnvironmentClass.MEDIUM, schedulers=4, webservers=3, hours=100, storage=0)
    assert [(item.name, item.quantity, item.amount) for item in cost.items] == [
        ("mw1.medium environment", Decimal(100), Decimal("74.00")),
        ("additional schedulers", Decimal(200), Decimal("22.00")),
        ("additional web servers", Decimal(100), Decimal("5.500")),
    ]


def test_an_unknown_price_is_not_guessed() -> None:
    cost = price(EnvironmentClass.XLARGE, worker_hours=10, schedulers=3)
    assert cost.unknown == ("additional workers", "additional schedulers")
    assert cost.total == Decimal("1474.12")
    assert price(webservers=3).unknown == ("additional web servers",)


@pytest.mark.parametrize("wish", ["worker_hours", "schedulers", "webservers"])
def test_micro_has_one_of_each(wish: str) -> None:
    assert price(EnvironmentClass.MICRO).total == Decimal("216.76")
    with pytest.raises(UsageError, match=r"mw1.micro has one worker, one scheduler and one web server"):
        price(EnvironmentClass.MICRO, None, **{wish: 2})


def test_our_table_knows_every_class_and_says_of_when_and_where_it_is() -> None:
    table = load_prices()
    assert (table.region, table.date) == ("us-east-1", "2026-08")
    assert table.source
    assert all(table.of(each).environment for each in EnvironmentClass)


def test_another_table_takes_the_place_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    text = OWN_PRICES.read_text(encoding="utf-8")
    file.write_text(text.replace("environment = 0.49", "environment = 1"), encoding="utf-8")
    assert price(table=load_prices(file)).total == Decimal("745.00")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("worker = 0.055", "workr = 0.055", 'unknown key "class.mw1.small.workr"'),
        ("worker = 0.055", 'worker = "0.055"', "class.mw1.small.worker must be a price in dollars"),
        ("worker = 0.055", "worker = -1", "class.mw1.small.worker must be a price in dollars"),
        ("worker = 0.055", "worker = nan", "class.mw1.small.worker must be a price in dollars"),
        ("mw1.small", "mw1.tiny", 'unknown key "class.mw1.tiny"'),
        ("workers = 1", "workers = 1.5", "included.workers must be a whole number"),
        ("[included]", "[other]", 'unknown key "other"'),
        ('date = "2026-08"', "", "date must be a text"),
        ('date = "2026-08"', 'date = "2026-08', "is no TOML"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(OWN_PRICES.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_prices(file)
    assert message in caught.value.message
    assert str(file) in caught.value.message
    assert caught.value.hint


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_prices(tmp_path / "no.toml")
    assert caught.value.message == f"{tmp_path}/no.toml cannot be read: No such file or directory."
    assert caught.value.hint == "Begin with ours: mwaa-local cost --list > prices.toml"
