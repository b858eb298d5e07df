"""The closed set of converters that a rule may name with `as`: each takes a filled value and returns a typed one.

A converter is idempotent where a slot applies it again, and says in words what it could not read. There is no
evaluation of text anywhere. The examples in the table are run as tests and printed in docs/mapping.md.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from connector.domain import money, period
from connector.domain.errors import UnknownCurrencyError
from connector.mapping.countries import CODES, NAMES, TAX_ID_TYPES


class UnreadableError(ValueError):
    """A value that a converter cannot read; the text says why, for a sales-ops person."""


@dataclass(frozen=True, slots=True)
class Converter:
    """One named conversion. `argument` is None, or what the rule gives with it: `as: {truncate: 350}`."""

    name: str
    says: str
    convert: Callable[..., object]
    examples: tuple[tuple[object, object], ...]
    argument: type | None = None
    example_argument: object = None


#: Digits before or after the point; 1e400000000 would take the program's memory.
LARGEST = 40


def is_empty(value: object) -> bool:
    """Tell whether a CRM value counts as not filled in: missing, null, or only spaces."""
    return value is None or (isinstance(value, str) and not value.strip())


def as_text(value: object) -> str:
    """Text as people write it: 12.0 becomes "12", true becomes "true"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return format(money.plain(as_decimal(value)), "f")
    if isinstance(value, date):
        return value.isoformat()
    msg = "is not a single value"
    raise UnreadableError(msg)


def as_decimal(value: object) -> Decimal:
    """Exact number; JSON floats are read by their shortest text, so 0.1 is 0.1."""
    if isinstance(value, bool):
        msg = "is a checkbox, not a number"
        raise UnreadableError(msg)
    try:
        number = Decimal(str(value).strip().replace(",", "") if isinstance(value, str) else str(value))
    except InvalidOperation as error:
        msg = "is not a number"
        raise UnreadableError(msg) from error
    if not number.is_finite() or (number and abs(number.adjusted()) > LARGEST):
        msg = "is not a number" if not number.is_finite() else "is not a number of a sensible size"
        raise UnreadableError(msg)
    return number


def as_whole(value: object) -> int:
    """Whole number; 12.0 is 12, 12.5 is refused."""
    number = as_decimal(value)
    if number != number.to_integral_value():
        msg = "is not a whole number"
        raise UnreadableError(msg)
    return int(number)


def as_date(value: object) -> date:
    """Day; of a timestamp its date part."""
    if isinstance(value, date):
        return value
    text = as_text(value).strip()
    try:
        return date.fromisoformat(text[:10] if "T" in text or " " in text else text)
    except ValueError as error:
        msg = "is not a date (expected like 2025-01-31)"
        raise UnreadableError(msg) from error


def as_day_after(value: object) -> date:
    """First day after an inclusive last day."""
    return period.day_after(as_date(value))


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
    """Billing frequency in months: 1, 3, 6 or 12."""
    if (months := _MONTHS.get(_letters(value))) is not None:
        return months
    try:
        months = as_whole(value)
    except UnreadableError:
        months = 0
    if months in {1, 3, 6, 12}:
        return months
    msg = "is not a billing frequency we can bill (Monthly, Quarterly, Semiannual or Annual)"
    raise UnreadableError(msg)


def as_whole_below(value: object) -> int:
    """Last whole number below an exclusive upper bound."""
    return as_whole(value) - 1


def as_minor_units(value: object, currency: object) -> int:
    """Amount in the smallest unit of a currency."""
    return money.round_minor(money.to_minor(as_decimal(value), as_currency(currency)))


def truncated(value: object, length: object) -> str:
    """Text cut to a length."""
    return as_text(value)[: as_whole(length)].rstrip()


def as_list(value: object) -> tuple[str, ...]:
    """List, from text with commas or semicolons between (multi-select picklists)."""
    parts = value if isinstance(value, list | tuple) else re.split(r"[;,]", as_text(value))
    return tuple(text for part in parts if (text := as_text(part).strip()))


def _row(
    name: str,
    convert: Callable[..., object],
    *examples: tuple[object, object],
    argument: type | None = None,
    given: object = None,
) -> Converter:
    says = (convert.__doc__ or "").strip()
    return Converter(name, says, convert, examples, argument, given)


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
    _row("text", as_text, ("A", "A"), (12, "12"), (Decimal("12.50"), "12.5"), (True, "true")),
    _row("trim", _trim, ("  A 1 ", "A 1")),
    _row("upper", _upper, ("de123", "DE123")),
    _row("lower", _lower, ("EUR", "eur")),
    _row("decimal", as_decimal, ("1440.50", Decimal("1440.50")), (0.1, Decimal("0.1")), ("1,200", Decimal(1200))),
    _row("whole_number", as_whole, (12, 12), ("12.0", 12), (Decimal("24.0"), 24)),
    _row("percent", as_percent, ("25 %", Decimal(25)), (Decimal("12.5"), Decimal("12.5"))),
    _row("date", as_date, ("2025-01-31", date(2025, 1, 31)), ("2025-01-31T09:30:00Z", date(2025, 1, 31))),
    _row("day_after", as_day_after, ("2025-01-31", date(2025, 2, 1)), ("2024-02-28", date(2024, 2, 29))),
    _row("boolean", as_boolean, (True, True), ("yes", True), ("FALSE", False), (0, False)),
    _row("filled", as_filled, ("Fixed Price", True), (False, False), (True, True)),
    _row("is", is_same, ("One-time", True), ("Year", False), argument=str, given="One Time"),
    _row("currency", as_currency, ("USD", "usd"), ("jpy", "jpy")),
    _row("country", as_country, ("de", "DE"), ("Germany", "DE"), ("United States", "US"), ("uk", "GB")),
    _row("tax_id_type", as_tax_id_type, ("Germany", "eu_vat"), ("GB", "gb_vat"), ("ch_uid", "ch_uid")),
    _row(
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
    _row("months", as_months, ("Monthly", 1), ("Quarterly", 3), ("Semiannual", 6), ("Annual", 12), (3, 3), ("6.0", 6)),
    _row("email", as_email, (" ap@example.com ", "ap@example.com")),
    _row("whole_below", as_whole_below, (10, 9), ("2.0", 1)),
    _row("minor_units", as_minor_units, ("19.99", 1999), (5, 500), argument=str, given="usd"),
    _row("truncate", truncated, ("Annual licence", "Annual"), argument=int, given=7),
    _row("list", as_list, ("card;sepa_debit", ("card", "sepa_debit")), ("a, b", ("a", "b"))),
)

CONVERTERS: Mapping[str, Converter] = MappingProxyType({row.name: row for row in _TABLE})
