"""What an environment costs in a month: exact decimal arithmetic over a table of prices. Pure."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from mwaa_local.config import EnvironmentClass
from mwaa_local.cost_prices import PriceTable
from mwaa_local.errors import UsageError

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CostWish:
    """What is to be priced."""

    environment_class: EnvironmentClass
    hours: Decimal
    """For which the environment exists."""
    worker_hours: Decimal
    """Of workers beyond the included ones, together."""
    schedulers: int
    webservers: int
    storage: Decimal
    """GB of the metadata database."""


@dataclass(frozen=True, slots=True)
class CostItem:
    """One line of the bill."""

    name: str
    quantity: Decimal
    unit: str
    price: Decimal | None
    """None: not known."""

    @property
    def amount(self) -> Decimal | None:
        """Return the unrounded amount; nothing of something unknown costs nothing."""
        if not self.quantity:
            return Decimal(0)
        return None if self.price is None else self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Cost:
    """A bill."""

    items: tuple[CostItem, ...]

    @property
    def total(self) -> Decimal:
        """Return the sum of what is known, rounded as money once, at the end."""
        return round_money(sum((item.amount or Decimal(0) for item in self.items), Decimal(0)))

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the items whose price is not known."""
        return tuple(item.name for item in self.items if item.amount is None)


def price_environment(wish: CostWish, table: PriceTable) -> Cost:
    """Return what an environment costs; UsageError for one that MWAA does not have."""
    prices = table.of(wish.environment_class)
    schedulers = max(0, wish.schedulers - included_schedulers(wish.environment_class, table))
    webservers = max(0, wish.webservers - included_webservers(wish.environment_class, table))
    _check_micro(wish)
    items = [
        CostItem(f"{wish.environment_class.value} environment", wish.hours, "h", prices.environment),
        CostItem("additional workers", wish.worker_hours, "h", prices.worker),
        CostItem("additional schedulers", schedulers * wish.hours, "h", prices.scheduler),
        CostItem("additional web servers", webservers * wish.hours, "h", prices.webserver),
        CostItem("metadata database", wish.storage, "GB", table.database),
    ]
    return Cost(tuple(item for item in items if item.quantity or item is items[0]))


def round_money(amount: Decimal) -> Decimal:
    """Round to cents as a bill does: half a cent goes up."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def included_schedulers(environment_class: EnvironmentClass, table: PriceTable) -> int:
    """Return how many schedulers the fee of an environment includes."""
    return 1 if environment_class is EnvironmentClass.MICRO else table.schedulers


def included_webservers(environment_class: EnvironmentClass, table: PriceTable) -> int:
    """Return how many web servers the fee of an environment includes."""
    return 1 if environment_class is EnvironmentClass.MICRO else table.webservers


def _check_micro(wish: CostWish) -> None:
    if wish.environment_class is not EnvironmentClass.MICRO:
        return
    if wish.worker_hours or wish.schedulers > 1 or wish.webservers > 1:
        raise UsageError(
            "mw1.micro has one worker, one scheduler and one web server, and no more.",
            hint="Choose another class: --class mw1.small",
        )
