"""What Harbourline sells: an invented logistics platform, priced per year, month, use or once."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """One tier of a consumption schedule; bounds of neighbours touch, the last has none."""

    lower: int
    upper: int | None
    price: str
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Tiers:
    """A consumption schedule: ``Slab`` grades, ``Range`` prices the whole volume at the tier reached."""

    name: str
    kind: str
    rates: tuple[Rate, ...]
    unit: str = "Each"


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its list price per ``term`` months; no term means it is sold once."""

    key: str
    name: str
    code: str
    description: str
    prices: dict[str, Decimal]
    term: int | None = None
    frequency: str | None = None
    metered: bool = False
    tiers: Tiers | None = None
    dimensions: tuple[str, ...] = field(default=())


def _prices(usd: str, **others: str) -> dict[str, Decimal]:
    return {"USD": Decimal(usd), **{currency: Decimal(price) for currency, price in others.items()}}


API_TIERS = Tiers(
    "Tracking API calls",
    "Slab",
    (Rate(1, 100_001, "0.0120"), Rate(100_001, 1_000_001, "0.0080"), Rate(1_000_001, None, "0.0045")),
    unit="API call",
)
LABEL_TIERS = Tiers(
    "Label printing seats",
    "Range",
    (Rate(1, 26, "10.00"), Rate(26, 101, "7.50"), Rate(101, None, "6.00")),
)

PRODUCTS = {
    product.key: product
    for product in (
        Product(
            "platform",
            "Harbourline Platform",
            "HL-PLATFORM",
            "The control tower: orders, carriers and documents in one place.",
            _prices("12000", EUR="11400", GBP="9900", JPY="1800000", KWD="3690.500"),
            term=12,
            frequency="Annual",
        ),
        Product(
            "dispatcher",
            "Dispatcher Seat",
            "HL-DISPATCH",
            "A named dispatcher with planning board and chat.",
            _prices("1200", EUR="1140", GBP="990", JPY="180000", KWD="369.250"),
            term=12,
            frequency="Annual",
            dimensions=("Year",),
        ),
        Product(
            "tracking",
            "Live Tracking",
            "HL-TRACK",
            "Position and arrival forecast, per vehicle and month.",
            _prices("18", EUR="17", GBP="15", JPY="2700", KWD="5.540"),
            term=1,
            frequency="Monthly",
            dimensions=("Year", "Quarter", "Month"),
        ),
        Product(
            "routing",
            "Route Optimizer",
            "HL-ROUTE",
            "Daily tour planning, per depot and month.",
            _prices("450", EUR="425", GBP="375", JPY="67000", KWD="138.400"),
            term=1,
            frequency="Quarterly",
            dimensions=("Year", "Quarter", "Custom"),
        ),
        Product(
            "api",
            "Tracking API",
            "HL-API",
            "Calls to the tracking API, billed by use.",
            _prices("0", EUR="0", GBP="0"),
            term=1,
            frequency="Monthly",
            metered=True,
            tiers=API_TIERS,
        ),
        Product(
            "labels",
            "Label Printing Seat",
            "HL-LABEL",
            "Carrier labels, priced by the number of seats.",
            _prices("10", EUR="9", GBP="8"),
            term=1,
            frequency="Monthly",
            tiers=LABEL_TIERS,
        ),
        Product(
            "support",
            "Premium Support",
            "HL-SUPPORT",
            "A named engineer and one-hour response.",
            _prices("3600", EUR="3400", GBP="3000", JPY="540000", KWD="1107.250"),
            term=12,
            frequency="Annual",
        ),
        Product(
            "community",
            "Community Support",
            "HL-COMMUNITY",
            "Forum and knowledge base, included.",
            _prices("0", EUR="0", GBP="0"),
            term=12,
            frequency="Annual",
        ),
        Product(
            "onboarding",
            "Onboarding and Data Migration",
            "HL-ONBOARD",
            "Set-up, carrier connections and import of master data.",
            _prices("4500", EUR="4200", GBP="3800", JPY="600000", KWD="1384.750"),
        ),
        Product(
            "training",
            "On-site Training Day",
            "HL-TRAIN",
            "One day of training for up to twelve people.",
            _prices("1650", EUR="1550", GBP="1350"),
        ),
    )
}
