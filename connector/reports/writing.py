"""Reports as documents: JSON, and CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from connector.domain.money import to_major
from connector.masking import masked
from connector.reports.row import Row, at_stake

SCHEMA_VERSION = 1
COLUMNS = (
    "report", "connection", "contract", "record", "name", "outcome", "class", "since", "currency", "amount", "why",
    "remedy", "command",
)  # fmt: skip
#: What a spreadsheet may take for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def row_json(row: Row, now: datetime) -> dict[str, Any]:
    """Return a row as JSON; `amount` is minor units as text, `age_seconds` how long it has been so."""
    return {
        "report": row.report,
        "connection": row.connection,
        "contract": row.contract,
        "record": row.record,
        "name": row.name,
        "outcome": row.outcome,
        "class": row.kind,
        "since": row.since.isoformat() if row.since else None,
        "age_seconds": int((now - row.since).total_seconds()) if row.since else None,
        "currency": row.currency,
        "amount": None if row.amount is None else str(row.amount),
        "why": masked(row.why, mail=False),
        "remedy": row.remedy,
        "command": row.command,
    }


def summary_json(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return what a report comes to: how many, since when, how much."""
    oldest = min((row.since for row in rows if row.since), default=None)
    return {
        "report": name,
        "count": len(rows),
        "oldest": oldest.isoformat() if oldest else None,
        "at_stake": {currency: str(amount) for currency, amount in at_stake(rows).items()},
    }


def csv_text(rows: Iterable[Row]) -> str:
    """Return rows as CSV with a head; amounts in major units."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        amount = to_major(row.amount, row.currency) if row.amount is not None and row.currency else None
        since = row.since.isoformat(timespec="seconds") if row.since else None
        told = (
            row.report, row.connection, row.contract, row.record, row.name, row.outcome, row.kind, since, row.currency,
        )  # fmt: skip
        after = (masked(row.why, mail=False), row.remedy, row.command)
        writer.writerow([*map(cell, told), "" if amount is None else f"{amount:f}", *map(cell, after)])
    return out.getvalue()


def cell(value: str | None) -> str:
    """Return text that stays text in a spreadsheet: a quote before what could begin a formula."""
    text = (value or "").replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
