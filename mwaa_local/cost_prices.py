"""The table of MWAA's prices: ours with its date and region, or a file of the user's in the same form."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from mwaa_local.config import EnvironmentClass
from mwaa_local.config_file import nearest
from mwaa_local.errors import UsageError

OWN_PRICES = Path(__file__).with_name("prices.toml")

_TOP = ("date", "region", "source", "database", "included", "class")
_PARTS = ("workers", "schedulers", "webservers")
_PRICES = ("environment", "worker", "scheduler", "webserver")


@dataclass(frozen=True, slots=True)
class ClassPrices:
    """Dollars per hour of one environment class; None: not known."""

    environment: Decimal | None
    worker: Decimal | None
    """Each one beyond those that the environment includes."""
    scheduler: Decimal | None
    webserver: Decimal | None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """What MWAA costs in one region, and since when that is known."""

    date: str
    region: str
    source: str
    database: Decimal | None
    """Dollars per GB and month."""
    workers: int
    """Included in the environment; so are these schedulers and web servers."""
    schedulers: int
    webservers: int
    classes: tuple[tuple[EnvironmentClass, ClassPrices], ...]

    def of(self, environment_class: EnvironmentClass) -> ClassPrices:
        """Return the prices of a class; all unknown if the table does not have it."""
        return dict(self.classes).get(environment_class, ClassPrices(None, None, None, None))


def load_prices(file: Path = OWN_PRICES) -> PriceTable:
    """Read a table of prices; UsageError that says what is wrong with it."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", hint=_HINT) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file} is no TOML: {error}.", hint=_HINT) from error
    return _Parser(file).table(document)


_HINT = "Begin with ours: mwaa-local cost --list > prices.toml"


@dataclass(frozen=True, slots=True)
class _Parser:
    file: Path

    def table(self, document: Mapping[str, object]) -> PriceTable:
        self._check_keys(document, _TOP, "")
        included = self._table(document, "included")
        self._check_keys(included, _PARTS, "included.")
        classes = self._table(document, "class")
        self._check_keys(classes, tuple(EnvironmentClass), "class.")
        return PriceTable(
            date=self._text(document, "date"),
            region=self._text(document, "region"),
            source=self._text(document, "source"),
            database=self._price(document, "database", ""),
            workers=self._count(included, "workers"),
            schedulers=self._count(included, "schedulers"),
            webservers=self._count(included, "webservers"),
            classes=tuple((EnvironmentClass(name), self._class(classes, name)) for name in classes),
        )

    def _class(self, classes: Mapping[str, object], name: str) -> ClassPrices:
        prices = self._table(classes, name)
        self._check_keys(prices, _PRICES, f"class.{name}.")
        return ClassPrices(*(self._price(prices, key, f"class.{name}.") for key in _PRICES))

    def _check_keys(self, table: Mapping[str, object], valid: tuple[str, ...], prefix: str) -> None:
        for key in table:
            if key not in valid:
                raise UsageError(f'{self.file}: unknown key "{prefix}{key}".', hint=nearest(key, valid))

    def _table(self, table: Mapping[str, object], key: str) -> Mapping[str, object]:
        value = table.get(key)
        if not isinstance(value, dict):
            raise UsageError(f"{self.file}: there is no table [{key}].", hint=_HINT)
        return value

    def _text(self, table: Mapping[str, object], key: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value:
            raise UsageError(f"{self.file}: {key} must be a text.", hint=_HINT)
        return value

    def _count(self, table: Mapping[str, object], key: str) -> int:
        value = table.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise UsageError(f"{self.file}: included.{key} must be a whole number.", hint=_HINT)
        return value

    def _price(self, table: Mapping[str, object], key: str, prefix: str) -> Decimal | None:
        value = table.get(key)
        if value is None:
            return None
        price = Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(price, Decimal) or not price.is_finite() or price < 0:
            raise UsageError(f"{self.file}: {prefix}{key} must be a price in dollars.", hint=_HINT)
        return price
