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

from connector.crm.salesforce.client import SalesforceClient
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


def stamp_of(row: dict[str, Any]) -> datetime:
    """Return a row's SystemModstamp, such as 2023-11-14T19:52:14.000+0000."""
    return datetime.fromisoformat(row["SystemModstamp"]).astimezone(UTC)


def first_orders(client: SalesforceClient, quotes: set[str]) -> Iterator[str]:
    """Yield the orders sold with these quotes: a deleted amendment is told to the contract it belonged to."""
    for some in chunks(sorted(quotes), 200):
        where = among("SBQQ__Quote__c", some)
        yield from (row["Id"] for row in client.rows(f"SELECT Id FROM Order WHERE {where} ORDER BY Id"))  # noqa: S608


def earlier_quotes(row: dict[str, Any]) -> Iterator[str]:
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
