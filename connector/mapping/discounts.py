"""Coupons of the CRM → discounts."""

from collections.abc import Iterable, Iterator
from typing import Literal, cast

from connector.domain.contract import Discount
from connector.domain.issues import IssueCode, Source, block
from connector.mapping.raw import RawRecord
from connector.mapping.reading import Reader, Scope


def read_discounts(reader: Reader, rows: Iterable[RawRecord], currency: str | None) -> tuple[Discount, ...]:
    """Return the discounts of an order or a line, in the order of the CRM; faulty ones are issues."""
    return tuple(found for row in rows if (found := _read(reader, row, currency)))


def _read(reader: Reader, row: RawRecord, currency: str | None) -> Discount | None:
    notes, scope = reader.notes, reader.table_scope("discount", row)
    if scope is None:
        message = f"The mapping does not say how {row.object} is read, so a discount would be lost."
        remedy = f'Add {row.object} to section "discount" of the mapping.'
        notes.issues.append(block(IssueCode.DISCOUNT_INVALID, Source(row.id, None), message, remedy))
        return None
    before = len(notes.issues)
    amount = scope.decimal("amount")
    found = Discount(
        ref=row.id,
        name=scope.text("name"),
        percent=scope.decimal("percent"),
        amount=amount,
        currency=(scope.text("currency") or currency) if amount is not None else None,
        duration=cast("Literal['once', 'repeating', 'forever']", scope.text("duration") or "once"),
        months=scope.whole("months"),
        max_redemptions=scope.whole("max_redemptions"),
    )
    if len(notes.issues) > before:
        return None
    faults = tuple(_faults(scope, found, currency))
    for slot, message, remedy in faults:
        scope.report(block(IssueCode.DISCOUNT_INVALID, scope.source(slot), message, remedy))
    return None if faults else found


def _faults(scope: Scope, found: Discount, currency: str | None) -> Iterator[tuple[str, str, str]]:
    if (found.percent is None) is (found.amount is None):
        said = "neither a percentage nor an amount" if found.amount is None else "both a percentage and an amount"
        yield "percent", f"The discount has {said}.", "Fill in exactly one of the two."
    if found.percent is not None and not 0 < found.percent <= 100:
        yield "percent", f"The discount of {found.percent} % is not between 0 and 100.", "Correct the percentage."
    if found.amount is not None and found.amount <= 0:
        yield "amount", f"The discount of {found.amount} is not more than nothing.", "Correct the amount."
    if found.amount is not None and currency and found.currency != currency:
        message = f"The discount is in {(found.currency or '?').upper()}, the contract in {currency.upper()}."
        yield "currency", message, "Use one currency."
    if scope.text("duration") is None:
        yield "duration", "The discount does not say how long it lasts.", "Choose once, repeating or forever."
    if found.duration == "repeating" and (found.months is None or found.months < 1):
        yield "months", "A repeating discount needs its number of months.", "Fill in the months."
