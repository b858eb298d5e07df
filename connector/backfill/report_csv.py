"""The report of a back-fill as CSV: a row a contract, safe to open in a spreadsheet.

A cell that begins with =, +, -, @, tab or carriage return, or with the wide form of a sign, may be run as a formula;
text that does gets an apostrophe in front (owasp.org, CSV injection). Amounts are major units and stay numbers, also
negative ones.
"""

import csv
from collections.abc import Iterable
from decimal import Decimal
from typing import IO

from connector.domain.money import to_major
from connector.journal import BackfillItem

COLUMNS = (
    "record",
    "contract",
    "customer",
    "outcome",
    "planned",
    "change",
    "currency",
    "sold",
    "to_bill",
    "billed_elsewhere",
    "difference",
    "billed_through",
    "stripe_writes",
    "schedule",
    "invoice",
    "customer_id",
    "link",
    "issue",
    "message",
    "remedy",
    "why",
    "fingerprint",
)
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_csv(file: IO[str], items: Iterable[BackfillItem]) -> None:
    """Write the rows as they come; memory stays flat."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow([cell(value) for value in _row(item)])


def cell(value: object) -> str:
    """Return a value as the text of a cell; only text can be risky."""
    if value is None:
        return ""
    if isinstance(value, Decimal | int):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    text = str(value)
    return f"'{text}" if text.startswith(_RISKY) else text


def _row(item: BackfillItem) -> Iterable[object]:
    ids, issue = item.ids or {}, next(iter(item.issues or ()), {})
    difference = None if item.sold is None or item.to_bill is None else item.sold - item.to_bill
    yield from (item.record, item.contract_key, item.name)
    yield from (item.outcome or ("left out" if item.state == "left_out" else "open"), item.verdict, item.change)
    yield item.currency
    for minor in (item.sold, item.to_bill, item.elsewhere, difference):
        yield None if minor is None or item.currency is None else to_major(minor, item.currency)
    yield from (item.billed_through, item.writes)
    yield from (ids.get(name) for name in ("schedule.id", "invoice.id", "customer.id", "link"))
    yield from (issue.get(name) for name in ("code", "message", "remedy"))
    yield from (item.words or "; ".join(item.reasons or ()), item.fingerprint)
