"""A raw line → a line of the contract, or the issues that keep it from being one."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connector.domain.contract import Charge, Extras, Line, Segment
from connector.domain.errors import UnknownCurrencyError
from connector.domain.issues import IssueCode, block
from connector.domain.money import exponent
from connector.mapping.discounts import read_discounts
from connector.mapping.extras import read_extras
from connector.mapping.mapping_file import MappingFile
from connector.mapping.parties import link, read_product
from connector.mapping.raw import RawLine, RawRecords
from connector.mapping.reading import Notes, Scope
from connector.mapping.slots import LINE_KINDS
from connector.mapping.tiers import read_tiers

LIST_TERM = 12  # CPQ's default term, in months, where the product does not say


@dataclass(frozen=True, slots=True)
class LineContext:
    """What a line takes from its contract where it says nothing itself."""

    mapping: MappingFile
    records: RawRecords
    instance_url: str
    start: date | None
    end: date | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Total:
    """The CRM's figure for a line, None when it cannot be told."""

    amount: Decimal | None


def read_line(notes: Notes, raw: RawLine, context: LineContext) -> tuple[Line | None, Total]:
    """Return the line (None when it cannot be built; the issues say why) and its total."""
    scope = line_scope(notes, raw, context)
    quantity, unit_price = scope.decimal("quantity"), scope.decimal("unit_price")
    total = read_total(scope)
    _check_usable(scope, context.currency)
    charge = _charge(scope)
    kinds = tuple(kind for kind in LINE_KINDS if kind != "product")
    extras = read_extras(notes, context.mapping, kinds, raw.record, context.records, scope.ref)
    tiers, mode = read_tiers(notes, context.mapping, raw, context.records, expected=_tiered(scope, extras))
    start, end = _dates(scope, charge, context)
    interval = 1 if charge is Charge.ONE_TIME else _interval(scope)
    product = read_product(notes, context.mapping, raw.record, context.records, context.instance_url)
    discounts = read_discounts(notes, context.mapping, raw.discounts, context.records, context.currency)
    if quantity is None:
        scope.missing("quantity")
    if unit_price is None and not tiers:
        scope.missing("unit_price")
    if quantity is None or product is None or start is None or interval is None or (unit_price is None and not tiers):
        return None, Total(total)
    unit_price = unit_price if unit_price is not None else Decimal(0)
    _check_total(scope, quantity, unit_price, total, context.currency)
    return Line(
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
        revises=_revises(scope, context),
        period_price=scope.decimal("period_price"),
        list_price=scope.decimal("list_price"),
        list_term=_list_term(scope),
        multiplier=scope.decimal("multiplier"),
        discount_percent=scope.decimal("discount_percent"),
        tiers=tiers,
        tiers_mode=mode,
        discounts=discounts,
        link=link(context.instance_url, scope.ref),
        extras=extras,
    ), Total(total)


def line_scope(notes: Notes, raw: RawLine, context: LineContext) -> Scope:
    """Return the line's record seen through section "line"."""
    return Scope(notes, "line", context.mapping.sections["line"], raw.record, context.records)


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
    if scope.flag("evergreen"):
        message = "The line runs without an end; evergreen contracts are not supported yet."
        remedy = "Sell it with a term, or bill this contract outside the connector."
        scope.report(block(IssueCode.EVERGREEN, scope.source("evergreen"), message, remedy))


def _charge(scope: Scope) -> Charge:
    """One-time wins, then usage: CPQ leaves a billing frequency on one-time lines, and usage lines recur."""
    recurring = scope.flag("recurring") if scope.has("recurring") else True
    if scope.flag("one_time") or not recurring:
        return Charge.ONE_TIME
    return Charge.USAGE if scope.flag("usage") else Charge.RECURRING


def _tiered(scope: Scope, extras: Extras) -> bool:
    """Tell whether rates are expected: the product says so, or the mapping sets Stripe's billing scheme to tiered."""
    return scope.flag("tiered") or (("billing_scheme",), "tiered") in extras.get("price", ())


def _dates(scope: Scope, charge: Charge, context: LineContext) -> tuple[date | None, date | None]:
    start, end = scope.date("start"), scope.date("end")
    if start is None and not scope.failed("start"):
        start = context.start
    if end is None and not scope.failed("end") and charge is not Charge.ONE_TIME and not scope.flag("evergreen"):
        end = context.end
    if start and end and end <= start:
        message = f"The line ends before it starts ({start} to {end}, the first day after it)."
        scope.report(
            block(IssueCode.LINE_DATES, scope.source("end", "start"), message, "Correct the dates of the line.")
        )
    return start, end


def _interval(scope: Scope) -> int | None:
    interval = scope.whole("interval")
    return None if scope.failed("interval") else interval or 1


def _segment(scope: Scope) -> Segment | None:
    key, index, label = scope.text("segment_key"), scope.whole("segment_index"), scope.text("segment_label")
    return Segment(key, index, label) if key and (index is not None or label) else None


def _revises(scope: Scope, context: LineContext) -> str | None:
    ref = scope.text("revises")
    known = context.records.get(ref)
    return known.id if known else ref


def _list_term(scope: Scope) -> int | None:
    return scope.whole("list_term") or (LIST_TERM if scope.decimal("list_price") is not None else None)


def _check_total(
    scope: Scope, quantity: Decimal, unit_price: Decimal, total: Decimal | None, currency: str | None
) -> None:
    """Compare the CRM's total with quantity times price; one minor unit per unit may have been rounded away."""
    if total is None:
        return
    allowed = Decimal(1).scaleb(-_places(currency)) * max(Decimal(1), abs(quantity))
    if abs(total - quantity * unit_price) > allowed:
        message = f"The line's total is {total}, but {quantity} at {unit_price} is {quantity * unit_price}."
        remedy = "Recalculate the order, or correct quantity, price or total of the line."
        scope.report(block(IssueCode.LINE_TOTAL, scope.source("total"), message, remedy))


def _places(currency: str | None) -> int:
    try:
        return exponent(currency or "usd")
    except UnknownCurrencyError:
        return 2
