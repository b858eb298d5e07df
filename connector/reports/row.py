"""A row of a report: which contract, since when, how much is at stake, why, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from connector.domain.money import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that people should see to. `amount` is in minor units of `currency`; both are None when unknown.

    `record` is the CRM's id, or what else the row is about (a stream, a job); `command` is what to type next.
    """

    report: str
    connection: str
    record: str
    since: datetime | None
    why: str
    remedy: str
    command: str
    contract: str | None = None
    name: str | None = None
    outcome: str | None = None
    kind: str | None = None
    """The failure class: fix_data, fix_mapping, wait, bug; approval for what waits for a person's word."""
    currency: str | None = None
    amount: int | None = None

    @property
    def money(self) -> str:
        """Return the amount as people write it, empty when it is not known."""
        return "" if self.amount is None or self.currency is None else text(self.amount, self.currency)


def at_stake(rows: Iterable[Row]) -> dict[str, int]:
    """Return what is at stake by currency, in minor units; a contract counts once, in whatever report it is."""
    sums: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        this = (row.connection, row.contract or row.record)
        if row.currency is None or row.amount is None or this in seen:
            continue
        seen.add(this)
        sums[row.currency] = sums.get(row.currency, 0) + row.amount
    return dict(sorted(sums.items()))


def in_words(sums: dict[str, int]) -> str:
    """Return sums by currency in words."""
    return ", ".join(text(amount, currency) for currency, amount in sums.items())
