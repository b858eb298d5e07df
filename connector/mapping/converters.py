"""The closed set of converters that a rule may name with `as`: each takes a filled value and returns a typed one.

A converter is idempotent where a slot applies it again, and says in words what it could not read. There is no
evaluation of text anywhere. The examples in the table are run as tests and printed in docs/mapping.md.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType

from connector.domain import money, period
from connector.domain.errors import UnknownCurrencyError
from connector.mapping.countries import CODES, NAMES, TAX_ID_TYPES
from connector.mapping.text_converters import TEXT_ROWS
from connector.mapping.time_converters import TIME_ROWS
from connector.mapping.values import (
    LARGEST,
    Converter,
    UnreadableError,
    as_date,
    as_decimal,
    as_text,
    as_whole,
    is_empty,
    row,
)

__all__ = [
    "CONVERTERS",
    "LARGEST",
    "Converter",
    "UnreadableError",
    "as_boolean",
    "as_date",
    "as_decimal",
    "as_text",
    "as_whole",
    "is_empty",
]


def as_day_after(value: object) -> date:
    """First day after an inclusive last day."""
    try:
        return period.day_after(as_date(value))
    except OverflowError as error:
        msg = "leads to a day outside of the calendar"
        raise UnreadableError(msg) from error


_YES = frozenset(["true", "yes", "y", "1", "on"])
_NO = frozenset(["false", "no", "n", "0", "off"])


def as_boolean(value: object) -> bool:
    """Yes or no."""
    text = as_text(value).strip().casefold()
    if text in _YES | _NO:
        return text in _YES
    msg = "is neither yes nor no"
    raise UnreadableError(msg)


def as_filled(value: object) -> bool:
    """Whether anything is filled in; a plain no stays no."""
    return not is_empty(value) and as_text(value).strip().casefold() not in _NO


def _letters(value: object) -> str:
    return re.sub(r"[\W_]+", "", as_text(value)).casefold()


def is_same(value: object, wanted: object) -> bool:
    """Whether the value is this word; case, spaces and signs do not matter."""
    return _letters(value) == _letters(wanted)


def as_currency(value: object) -> str:
    """Currency code that Stripe bills in, in lower case."""
    code = as_text(value).strip().lower()
    try:
        money.exponent(code)
    except UnknownCurrencyError as error:
        msg = "is not a currency that Stripe bills in"
        raise UnreadableError(msg) from error
    return code


def as_country(value: object) -> str:
    """Two-letter country code, from a code or a common name."""
    text = " ".join(as_text(value).split())
    if text.upper() in CODES:
        return text.upper()
    if code := NAMES.get(text.casefold().rstrip(".")):
        return code
    msg = "is not a country we know (use its two-letter code)"
    raise UnreadableError(msg)


def as_tax_id_type(value: object) -> str:
    """Stripe's type of a business tax number, from the country; a type such as eu_vat stays."""
    text = as_text(value).strip()
    if re.fullmatch(r"[a-z]{2}_[a-z]+", text):
        return text
    if kind := TAX_ID_TYPES.get(as_country(text)):
        return kind
    msg = "is a country with several kinds of tax numbers; map the type itself"
    raise UnreadableError(msg)


_NET = re.compile(r"(?:net\W*)?(\d{1,3})(?:\.0+)?(?:\W*days?)?", re.IGNORECASE)
_AT_ONCE = frozenset(["dueonreceipt", "duereceipt", "uponreceipt", "onreceipt", "immediate", "immediately", "duenow"])


def as_net_terms(value: object) -> int:
    """Days until an invoice is due."""
    if _letters(value) in _AT_ONCE:
        return 0
    if match := _NET.fullmatch(as_text(value).strip()):
        return int(match[1])
    msg = 'is not a payment term we can read (expected like "Net 30" or "Due on receipt")'
    raise UnreadableError(msg)


def as_email(value: object) -> str:
    """E-mail address."""
    text = as_text(value).strip()
    if re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s.,;<>]+", text) and len(text) <= 512:
        return text
    msg = "is not an e-mail address"
    raise UnreadableError(msg)


def as_percent(value: object) -> Decimal:
    """Percentage as a number: 25 means 25 %."""
    return as_decimal(as_text(value).strip().removesuffix("%").strip() if isinstance(value, str) else value)


_MONTHS = {
    "monthly": 1,
    "month": 1,
    "permonth": 1,
    "quarterly": 3,
    "quarter": 3,
    "perquarter": 3,
    "semiannual": 6,
    "semiannually": 6,
    "halfyearly": 6,
    "biannually": 6,
    "perhalfyear": 6,
    "persixmonths": 6,
    "annual": 12,
    "annually": 12,
    "yearly": 12,
    "year": 12,
    "peryear": 12,
}


def as_months(value: object) -> int:
    """Billing frequency in months: 1, 3, 6, 12, 24 or 36."""
    if (months := _MONTHS.get(_letters(value))) is not None:
        return months
    try:
        months = as_whole(value)
    except UnreadableError:
        months = 0
    if months in {1, 3, 6, 12, 24, 36}:
        return months
    msg = "is not a billing frequency we can bill (Monthly, Quarterly, Semiannual or Annual)"
    raise UnreadableError(msg)


def as_whole_below(value: object) -> int:
    """Last whole number below an exclusive upper bound."""
    return as_whole(value) - 1


def as_minor_units(value: object, currency: object) -> int:
    """Amount in the smallest unit of a currency."""
    return money.round_minor(money.to_minor(as_decimal(value), as_currency(currency)))


def as_major_units(value: object, currency: object) -> Decimal:
    """Amount in major units (19.99), from the smallest unit of a currency."""
    return money.to_major(as_decimal(value), as_currency(currency))


def as_fraction(value: object) -> Decimal:
    """Share of one, from a percentage: 25 is 0.25."""
    return money.plain(as_percent(value) / 100)


def rounded(value: object, places: object) -> Decimal:
    """Exact number with at most N decimal places, half up."""
    digits = as_whole(places)
    if not 0 <= digits <= 12:
        msg = "can have 0 to 12 decimal places"
        raise UnreadableError(msg)
    step = Decimal(1).scaleb(-digits)
    return money.plain(as_decimal(value).quantize(step, ROUND_HALF_UP, Context(prec=2 * LARGEST)))


def as_nonzero(value: object) -> Decimal | None:
    """Exact number; zero counts as empty."""
    return as_decimal(value) or None


def truncated(value: object, length: object) -> str:
    """Text cut to a length."""
    count = as_whole(length)
    if count < 1:
        msg = "leaves no text"
        raise UnreadableError(msg)
    return as_text(value)[:count].rstrip()


def as_list(value: object) -> tuple[str, ...]:
    """List, from text with commas or semicolons between (multi-select picklists)."""
    parts = value if isinstance(value, list | tuple) else re.split(r"[;,]", as_text(value))
    return tuple(text for part in parts if (text := as_text(part).strip()))


def _trim(value: object) -> str:
    """Text without spaces at its ends."""
    return as_text(value).strip()


def _upper(value: object) -> str:
    """Text in capitals."""
    return as_text(value).upper()


def _lower(value: object) -> str:
    """Text in small letters."""
    return as_text(value).lower()


_TABLE = (
    row("text", as_text, ("A", "A"), (12, "12"), (Decimal("12.50"), "12.5"), (True, "true")),
    row("trim", _trim, ("  A 1 ", "A 1")),
    row("upper", _upper, ("de123", "DE123")),
    row("lower", _lower, ("EUR", "eur")),
    row("decimal", as_decimal, ("1440.50", Decimal("1440.50")), (0.1, Decimal("0.1")), ("1,200", Decimal(1200))),
    row("whole_number", as_whole, (12, 12), ("12.0", 12), (Decimal("24.0"), 24)),
    row("percent", as_percent, ("25 %", Decimal(25)), (Decimal("12.5"), Decimal("12.5"))),
    row("date", as_date, ("2025-01-31", date(2025, 1, 31)), ("2025-01-31T09:30:00Z", date(2025, 1, 31))),
    row("day_after", as_day_after, ("2025-01-31", date(2025, 2, 1)), ("2024-02-28", date(2024, 2, 29))),
    row("boolean", as_boolean, (True, True), ("yes", True), ("FALSE", False), (0, False)),
    row("filled", as_filled, ("Fixed Price", True), (False, False), (True, True)),
    row("is", is_same, ("One-time", True), ("Year", False), argument=str, given="One Time"),
    row("currency", as_currency, ("USD", "usd"), ("jpy", "jpy")),
    row("country", as_country, ("de", "DE"), ("Germany", "DE"), ("United States", "US"), ("uk", "GB")),
    row("tax_id_type", as_tax_id_type, ("Germany", "eu_vat"), ("GB", "gb_vat"), ("ch_uid", "ch_uid")),
    row(
        "net_terms",
        as_net_terms,
        ("Net 30", 30),
        ("Net-45", 45),
        ("NET60", 60),
        ("Due on receipt", 0),
        (30, 30),
        ("30.0", 30),
        ("15 days", 15),
    ),
    row("months", as_months, ("Monthly", 1), ("Quarterly", 3), ("Semiannual", 6), ("Annual", 12), (3, 3), ("6.0", 6)),
    row("email", as_email, (" ap@example.com ", "ap@example.com")),
    row("whole_below", as_whole_below, (10, 9), ("2.0", 1)),
    row("minor_units", as_minor_units, ("19.99", 1999), (5, 500), argument=str, given="usd"),
    row("major_units", as_major_units, (1999, Decimal("19.99")), ("500", Decimal(5)), argument=str, given="usd"),
    row("fraction", as_fraction, ("25 %", Decimal("0.25")), (Decimal("12.5"), Decimal("0.125"))),
    row("round", rounded, ("19.995", Decimal(20)), (Decimal("2.345"), Decimal("2.35")), argument=int, given=2),
    row("nonzero", as_nonzero, ("3.0", Decimal("3.0")), (1, Decimal(1))),
    row("truncate", truncated, ("Annual licence", "Annual"), argument=int, given=7),
    row("list", as_list, ("card;sepa_debit", ("card", "sepa_debit")), ("a, b", ("a", "b"))),
)

CONVERTERS: Mapping[str, Converter] = MappingProxyType({each.name: each for each in (*_TABLE, *TEXT_ROWS, *TIME_ROWS)})
