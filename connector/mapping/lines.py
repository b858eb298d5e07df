"""A raw line → a line of the contract, or the issues that keep it from being one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from connector.domain.contract import Charge, CollectionMethod, Extras, Line, Segment, Tier
from connector.domain.issues import IssueCode, block
from connector.domain.money import exponent, plain, text, to_minor
from connector.domain.period import add_months
from connector.mapping.cycles import cycle_price, priced
from connector.mapping.discounts import read_discounts
from connector.mapping.extras import read_extras
from connector.mapping.parties import read_product
from connector.mapping.raw import RawLine, RawRecords
from connector.mapping.reading import Reader, Scope
from connector.mapping.slots import LINE_KINDS
from connector.mapping.tiers import read_tiers

#: Kinds of Stripe objects that stand for the line itself.
_KINDS = tuple(kind for kind in LINE_KINDS if kind != "product")

_NEARLY = Decimal("0.000001")  # a twelfth has no end as a decimal: 12 x 0.0833333333 are a month
LIST_TERM = 12  # CPQ's default term, in months, where the product does not say


@dataclass(frozen=True, slots=True)
class Frame:
    """What a line takes from its contract where it says nothing itself."""

    start: date | None
    end: date | None
    currency: str | None


def read_line(reader: Reader, raw: RawLine, frame: Frame) -> tuple[Line | None, Decimal | None]:
    """Return the line (None when it cannot be built; the issues say why) and the CRM's total of it."""
    scope = reader.scope("line", raw.record)
    charge, total = _charge(scope), read_total(scope)
    _check_usable(scope, frame.currency)
    extras = read_extras(reader, _KINDS, raw.record, ref=scope.ref)
    tiers, mode = read_tiers(reader, raw, expected=_tiered(scope, extras))
    quantity, unit_price = scope.decimal("quantity"), scope.decimal("unit_price")
    per_cycle = None if _tiers_beside_price(scope, tiers) else cycle_price(scope, frame.currency)
    if unit_price is None:
        unit_price = per_cycle
    if unit_price is None and tiers:
        unit_price = Decimal(0)
    start, end = _dates(scope, charge, frame)
    interval = 1 if charge is Charge.ONE_TIME else _interval(scope)
    product = read_product(reader, raw.record)
    discounts = read_discounts(reader, raw.discounts, frame.currency)
    _note_missing(scope, quantity=quantity, unit_price=unit_price, start=start)
    if quantity is None or unit_price is None or start is None or interval is None or product is None:
        return None, total
    if per_cycle is None:
        _check_total(scope, quantity, unit_price, total, frame.currency)
    line = Line(
        ref=scope.ref,
        product=product,
        charge=charge,
        quantity=quantity,
        unit_price=unit_price,
        total=total if total is not None else quantity * unit_price,
        start=start,
        end=end,
        interval=interval,
        currency=scope.text("currency"),
        segment=_segment(scope),
        revises=_revises(scope, reader.records),
        period_price=scope.decimal("period_price"),
        list_price=scope.decimal("list_price"),
        list_term=_list_term(scope),
        price_term=_price_term(scope, charge, interval),
        multiplier=scope.decimal("multiplier"),
        discount_percent=scope.decimal("discount_percent"),
        tiers=tiers,
        tiers_mode=mode,
        discounts=discounts,
        collection_method=cast("CollectionMethod | None", scope.text("collection_method")),
        link=reader.link(scope.ref),
        extras=extras,
    )
    return (line if per_cycle is None else priced(line, per_cycle)), total


def _tiers_beside_price(scope: Scope, tiers: Sequence[Tier]) -> bool:
    """Tell whether the line has tiers; a price beside them is an issue, since only one of the two can count."""
    if tiers and scope.decimal("cycle_price") is not None:
        message = "The line is priced in tiers and has a price beside them."
        remedy = "Empty the price, or choose flat pricing."
        scope.report(block(IssueCode.TIERS_INVALID, scope.source("cycle_price"), message, remedy))
    return bool(tiers)


def _note_missing(scope: Scope, **needed: object) -> None:
    for slot, value in needed.items():
        if value is None:
            scope.missing(slot)


def read_total(scope: Scope) -> Decimal | None:
    """Return the CRM's total of a line, or what quantity and price give where it has none."""
    total = scope.decimal("total")
    if total is not None or scope.failed("total"):
        return total
    quantity, unit_price = scope.decimal("quantity"), scope.decimal("unit_price")
    return quantity * unit_price if quantity is not None and unit_price is not None else None


def _check_usable(scope: Scope, currency: str | None) -> None:
    if not scope.flag("active", default=True):
        message = "The line is not activated."
        scope.report(block(IssueCode.LINE_NOT_ACTIVE, scope.source("active"), message, "Activate the order product."))
    own = scope.text("currency")
    if own and currency and own != currency:
        message = f"The line is in {own.upper()}, the contract in {currency.upper()}."
        scope.report(
            block(IssueCode.CURRENCY_MIXED, scope.source("currency"), message, "Use one currency per contract.")
        )


def _charge(scope: Scope) -> Charge:
    """One-time wins, then usage: CPQ leaves a billing frequency on one-time lines, and usage lines recur."""
    recurring = scope.flag("recurring") if scope.has("recurring") else True
    if scope.flag("one_time") or not recurring:
        return Charge.ONE_TIME
    return Charge.USAGE if scope.flag("usage") else Charge.RECURRING


def _tiered(scope: Scope, extras: Extras) -> bool:
    """Tell whether rates are expected: the product says so, or the mapping sets Stripe's billing scheme to tiered."""
    return scope.flag("tiered") or (("billing_scheme",), "tiered") in extras.get("price", ())


def _dates(scope: Scope, charge: Charge, frame: Frame) -> tuple[date | None, date | None]:
    start, end = scope.date("start"), scope.date("end")
    if start is None and not scope.failed("start"):
        start = _delayed(scope, frame.start)
    months = scope.whole("term")
    if end is None and start is not None and months is not None and not scope.failed("end"):
        end = add_months(start, months)
    if end is None and not scope.failed("end") and charge is not Charge.ONE_TIME and not _evergreen(scope, charge):
        end = frame.end
    if start and end and end <= start:
        message = f"The line ends before it starts ({start} to {end}, the first day after it)."
        scope.report(
            block(IssueCode.LINE_DATES, scope.source("end", "start"), message, "Correct the dates of the line.")
        )
    return start, end


def _delayed(scope: Scope, start: date | None) -> date | None:
    """Return the first day of a line that begins some months or days after its contract."""
    months, days = scope.whole("delay_months"), scope.whole("delay_days")
    if start is None or not (months or days):
        return start
    return add_months(start, months or 0) + timedelta(days=days or 0)


def _evergreen(scope: Scope, charge: Charge) -> bool:
    return scope.flag("evergreen") and charge is not Charge.ONE_TIME


def _price_term(scope: Scope, charge: Charge, interval: int) -> Decimal | None:
    """Return the months that an evergreen line's price and total stand for.

    CPQ prices it for the term of its quote line, which is multiplier x default term (seen on real orders: 120.00 for
    two months, multiplier 0.5, price 60.00, term one month). Where the CRM has neither, it is one billing period.
    """
    if not _evergreen(scope, charge):
        return None
    multiplier, term = scope.decimal("multiplier"), scope.whole("list_term")
    if not multiplier or not term or multiplier < 0:
        return Decimal(interval)
    months = multiplier * term
    whole = months.to_integral_value()
    return whole if abs(months - whole) < _NEARLY else months


def _interval(scope: Scope) -> int | None:
    interval = scope.whole("interval")
    return None if scope.failed("interval") else interval or 1


def _segment(scope: Scope) -> Segment | None:
    key, index, label = scope.text("segment_key"), scope.whole("segment_index"), scope.text("segment_label")
    return Segment(key, index, label) if key and (index is not None or label) else None


def _revises(scope: Scope, records: RawRecords) -> str | None:
    ref = scope.text("revises")
    known = records.get(ref)
    return known.id if known else ref


def _list_term(scope: Scope) -> int | None:
    return scope.whole("list_term") or (LIST_TERM if scope.decimal("list_price") is not None else None)


def _check_total(
    scope: Scope, quantity: Decimal, unit_price: Decimal, total: Decimal | None, currency: str | None
) -> None:
    """Compare the CRM's total with quantity times price; one minor unit per unit may have been rounded away."""
    if total is None:
        return
    allowed = Decimal(1).scaleb(-exponent(currency or "usd")) * max(Decimal(1), abs(quantity))
    if abs(total - quantity * unit_price) > allowed:
        shown, sum_shown = shown_amount(total, currency), shown_amount(quantity * unit_price, currency)
        message = f"The line's total is {shown}, but {plain(quantity)} at {plain(unit_price)} is {sum_shown}."
        remedy = "Recalculate the order, or correct quantity, price or total of the line."
        scope.report(block(IssueCode.LINE_TOTAL, scope.source("total"), message, remedy))


def shown_amount(amount: Decimal, currency: str | None) -> str:
    """Return an amount of major units for people: "1,200.00 USD"."""
    return text(to_minor(amount, currency), currency) if currency else f"{plain(amount):,}"
