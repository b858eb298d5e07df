"""Which orders may have changed: a poll by server time that loses nothing.

Rows can surface with a `SystemModstamp` older than one already read, since a stamp is set when a transaction saves and
seen when it commits, and CPQ's transactions are long. So the window ends some time before the server's present and
begins before the last one's end. Within it rows are read in the order of stamp and id, page after page, since a bulk
save gives thousands of rows one stamp. Lines are polled like orders: editing a line does not touch its order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.library import format_soql
from connector.crm.salesforce.query import among, chunks, field_path
from connector.domain.errors import RetryableError

PAGE = 2000  # rows; the largest page the API gives


@dataclass(slots=True)
class Window:
    """The poll's time span, of the server's time, in UTC: `start` included (None: since ever), `end` not.

    The end is laid when the first answer has told the server's present, and never before the last poll's end.
    """

    since: datetime | None
    lag: timedelta
    overlap: timedelta
    _end: datetime | None = None

    @property
    def start(self) -> datetime | None:
        """Some time before the last poll's end."""
        return self.since - self.overlap if self.since else None

    def end(self, client: SalesforceClient) -> datetime:
        """Return some time before the server's present; to be asked after the first answer."""
        if self._end is None:
            now = client.transport.server_clock.now()
            if now is None:
                raise RetryableError("Salesforce did not tell its time (no Date header), so changes cannot be polled")
            end = (now - self.lag).replace(microsecond=0)
            self._end = max(end, self.since) if self.since else end
        return self._end

    def is_read_again(self, stamp: datetime) -> bool:
        """Tell whether the next poll, whose overlap reaches back from this one's end, reads a stamp again."""
        return self._end is None or stamp >= self._end - self.overlap


class Rows:
    """The rows of one poll: which were told before, and what the next poll must know of them."""

    def __init__(self, window: Window, seen: Mapping[str, Mapping[str, str]]) -> None:
        """`seen` is what the poll before told of the time that is read again: object → id → stamp."""
        self.window = window
        self.orders: dict[str, datetime] = {}
        self._seen = seen
        self._read: dict[str, dict[str, datetime]] = {"Order": {}, "OrderItem": {}}

    def is_new(self, name: str, row: Mapping[str, Any]) -> bool:
        """Take a row, and tell whether it was not told with this stamp."""
        key, stamp = str(row["Id"]), stamp_of(row)
        if self.window.is_read_again(stamp):
            self._read[name][key] = stamp
        if self._seen.get(name, {}).get(key) == stamp.isoformat():
            return False
        if name == "Order" and not row.get("IsDeleted"):
            self.orders[key] = stamp
        return True

    def seen_since(self, start: datetime) -> dict[str, dict[str, str]]:
        """Return what the next poll meets again and need not tell."""
        return {
            name: {key: stamp.isoformat() for key, stamp in rows.items() if stamp >= start}
            for name, rows in self._read.items()
        }


def changed_rows(
    client: SalesforceClient, name: str, columns: Iterable[str], window: Window
) -> Iterator[dict[str, Any]]:
    """Yield rows of an object whose stamp is in the window, by stamp and id, deleted ones included."""
    after: tuple[datetime, str] | None = None
    selected = ", ".join(sorted({"Id", "SystemModstamp", *map(field_path, columns)}))
    while True:
        page = list(client.rows(_soql(name, selected, window.start, after), deleted=True))
        within = [row for row in page if stamp_of(row) < window.end(client)]
        yield from within
        if len(within) < PAGE:
            return
        after = (stamp_of(page[-1]), page[-1]["Id"])


def stamp_of(row: Mapping[str, Any]) -> datetime:
    """Return a row's SystemModstamp, such as 2023-11-14T19:52:14.000+0000."""
    return datetime.fromisoformat(row["SystemModstamp"]).astimezone(UTC)


def order_stamps(client: SalesforceClient) -> Iterator[Mapping[str, datetime]]:
    """Yield id → stamp of all orders, page by page in the order of their ids: each page is a query of its own.

    A cursor of the server's would be lost with its session; an order that comes in between is read or not, but none
    that was there is left out.
    """
    last = ""
    while True:
        where = format_soql("WHERE Id > {last} ", last=last) if last else ""
        text = f"SELECT Id, SystemModstamp FROM Order {where}ORDER BY Id LIMIT {PAGE}"  # noqa: S608
        rows = list(client.rows(text))
        if rows:
            yield {row["Id"]: stamp_of(row) for row in rows}
        if len(rows) < PAGE:
            return
        last = rows[-1]["Id"]


def first_orders(client: SalesforceClient, quotes: set[str]) -> Iterator[str]:
    """Yield the orders sold with these quotes: a deleted amendment is told to the contract it belonged to."""
    for some in chunks(sorted(quotes), 200):
        where = among("SBQQ__Quote__c", some)
        yield from (row["Id"] for row in client.rows(f"SELECT Id FROM Order WHERE {where} ORDER BY Id"))  # noqa: S608


def earlier_quotes(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the quotes of the contracts that an order amends or renews, as a row of it tells."""
    opportunity = row.get("Opportunity") or {}
    for name in ("SBQQ__AmendedContract__r", "SBQQ__RenewedContract__r"):
        quote = (opportunity.get(name) or {}).get("SBQQ__Quote__c")
        if isinstance(quote, str):
            yield quote


def _soql(name: str, columns: str, start: datetime | None, after: tuple[datetime, str] | None) -> str:
    stamp, last = after or (start, None)
    where = ""
    if after is not None:
        where = "WHERE (SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > {id})) "
    elif start is not None:
        where = "WHERE SystemModstamp >= {stamp} "
    text = f"SELECT {columns} FROM {name} {where}ORDER BY SystemModstamp, Id LIMIT {PAGE}"  # noqa: S608
    return format_soql(text, stamp=stamp, id=last)
