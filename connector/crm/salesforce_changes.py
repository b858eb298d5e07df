"""Which orders may have changed: a poll by server time that loses nothing.

Rows can surface with a `SystemModstamp` older than one already read, since a stamp is set when a transaction saves and
seen when it commits, and CPQ's transactions are long. So the window ends some time before the server's present and
begins before the last one's end. Within it rows are read in the order of stamp and id, page after page, since a bulk
save gives thousands of rows one stamp. Lines are polled like orders: editing a line does not touch its order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simple_salesforce.format import format_soql

from connector.crm.salesforce_client import SalesforceClient
from connector.crm.salesforce_query import among, chunks, field_path
from connector.domain.errors import RetryableError

PAGE = 2000  # rows; the largest page the API gives


@dataclass(frozen=True, slots=True)
class Window:
    """The poll's time span: `start` included (None: since ever), `end` not. Both are the server's time, in UTC."""

    start: datetime | None
    end: datetime

    @classmethod
    def after(cls, since: datetime | None, server_now: datetime, *, lag: timedelta, overlap: timedelta) -> "Window":
        """Lay the window after a poll that ended at `since`; it never ends before that one did."""
        end = (server_now - lag).replace(microsecond=0)
        return cls(since - overlap, max(since, end)) if since else cls(None, end)


def server_now(client: SalesforceClient) -> datetime:
    """Return the server's time, with a call to learn it when nothing was asked yet."""
    if client.transport.server_clock.now() is None:
        client.read("limits")
    now = client.transport.server_clock.now()
    if now is None:
        raise RetryableError("Salesforce did not tell its time (no Date header), so changes cannot be polled")
    return now


def changed_rows(
    client: SalesforceClient, name: str, columns: Iterable[str], window: Window
) -> Iterator[dict[str, Any]]:
    """Yield rows of an object whose stamp is in the window, by stamp and id, deleted ones included."""
    after: tuple[datetime, str] | None = None
    selected = ", ".join(sorted({"Id", "SystemModstamp", *map(field_path, columns)}))
    while True:
        page = list(client.rows(_soql(name, selected, window, after), deleted=True))
        yield from page
        if len(page) < PAGE:
            return
        after = (stamp_of(page[-1]), page[-1]["Id"])


def stamp_of(row: dict[str, Any]) -> datetime:
    """Return a row's SystemModstamp, such as 2023-11-14T19:52:14.000+0000."""
    return datetime.fromisoformat(row["SystemModstamp"]).astimezone(UTC)


def first_orders(client: SalesforceClient, quotes: set[str]) -> Iterator[str]:
    """Yield the orders sold with these quotes: a deleted amendment is told to the contract it belonged to."""
    for some in chunks(sorted(quotes), 200):
        where = among("SBQQ__Quote__c", some)
        yield from (row["Id"] for row in client.rows(f"SELECT Id FROM Order WHERE {where} ORDER BY Id"))  # noqa: S608


def amended_quote(row: dict[str, Any]) -> str | None:
    """Return the quote of the contract that an order amends, as a row of it tells."""
    contract = (row.get("Opportunity") or {}).get("SBQQ__AmendedContract__r") or {}
    quote = contract.get("SBQQ__Quote__c")
    return quote if isinstance(quote, str) else None


def _soql(name: str, columns: str, window: Window, after: tuple[datetime, str] | None) -> str:
    where = ["SystemModstamp < {end}"]
    if window.start is not None:
        where.append("SystemModstamp >= {start}")
    if after is not None:
        where.append("(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > {id}))")
    stamp, last = after or (None, None)
    text = f"SELECT {columns} FROM {name} WHERE {' AND '.join(where)} ORDER BY SystemModstamp, Id LIMIT {PAGE}"  # noqa: S608
    return format_soql(text, start=window.start, end=window.end, stamp=stamp, id=last)
