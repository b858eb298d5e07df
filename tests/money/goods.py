"""What the money tests sell: products in every kind of currency, priced by the month, by the year, or once."""

from decimal import Decimal

from connector.sandbox.seed.book import Book
from connector.sandbox.seed.catalog import PRODUCTS, Product
from connector.sandbox.seed.customers import CUSTOMERS as SEEDED

CURRENCIES = ("USD", "EUR", "JPY", "KWD", "HUF")
FREQUENCIES = ("Annual", "Semiannual", "Quarterly", "Monthly")
CUSTOMERS = tuple(SEEDED)
_DIMENSIONS = ("Year", "Quarter", "Month", "Custom")


def _prices(*amounts: str) -> dict[str, Decimal]:
    return {code: Decimal(amount) for code, amount in zip(CURRENCIES, amounts, strict=True)}


def _product(key: str, prices: dict[str, Decimal], term: int | None, frequency: str | None) -> Product:
    dimensions = _DIMENSIONS if term else ()
    return Product(key, key.title(), key.upper(), key, prices, term=term, frequency=frequency, dimensions=dimensions)


SEAT = _product("seat", _prices("1200", "1140", "180000", "360", "432000"), 12, "Annual")
SITE = _product("site", _prices("1000", "999.99", "100001", "700", "365000.50"), 12, "Annual")
UNIT = _product("unit", _prices("18.37", "17", "2701", "5.54", "6543.21"), 1, "Monthly")
FREE = _product("free", _prices("0", "0", "0", "0", "0"), 12, "Annual")
SETUP = _product("setup", _prices("4500", "4200", "600000", "1384.75", "150000.55"), None, None)

OWN = (SEAT, SITE, UNIT, FREE, SETUP)


class Shelf(Book):
    """A book that also holds the products of these tests."""

    def stock(self) -> None:
        """Add the seeded products, then the own ones."""
        super().stock()
        for product in OWN:
            assert product.key not in PRODUCTS
            self._stock_one(product, self.moment(200, 9))
