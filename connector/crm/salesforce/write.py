"""Write-back: absolute values to records named by id, or by a key of ours; each row succeeds or fails on its own.

Rows travel in collections of up to 200, lines in 25s, because CPQ's triggers run once for each collection and have a
time limit; up to five collections share one composite request. A row that somebody else has locked is tried again:
the lock is the platform's own, and waiting is all that a client can do about it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tenacity import Retrying

from connector.crm.protocol import WriteBack, WriteResult
from connector.crm.salesforce.client import COMPOSITE_QUERIES, SalesforceClient
from connector.crm.salesforce.errors import TRANSIENT, UNKNOWN_COLUMN, row_error
from connector.crm.salesforce.query import field_path, record_id
from connector.domain.errors import ConnectorError, RejectedError, RetryableError

T = TypeVar("T")
_ROWS = 200
_ROWS_OF = {"OrderItem": 25}


@dataclass(frozen=True, slots=True)
class _Row:
    """A write and where its result goes."""

    place: int
    write: WriteBack


class CollectionWriter:
    """Writes one set of rows, and keeps what became of each."""

    def __init__(self, client: SalesforceClient, policy: Retrying) -> None:
        """`policy` decides how often and how long rows that are locked are tried again."""
        self._client = client
        self._policy = policy
        self._results: dict[int, WriteResult] = {}

    def write(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Return one result for each write, in order. Raises when Salesforce took none of them, or refuses us."""
        rows = [_Row(place, write) for place, write in enumerate(writes)]
        pending = [row for row in rows if self._sendable(row)]
        try:
            self._policy(self._pass, pending)
        except RetryableError as error:
            if not self._results:
                raise
            for row in pending:  # locked all the time, or on the way when Salesforce went away
                self._results.setdefault(row.place, WriteResult(row.write.object, row.write.id, str(error)))
        return tuple(self._results[row.place] for row in rows)

    def _sendable(self, row: _Row) -> bool:
        if not row.write.fields:
            self._keep(row, None)
            return False
        try:
            if row.write.upsert_by is None:
                record_id(row.write.id)
        except RejectedError as error:
            self._keep(row, str(error))
            return False
        return True

    def _pass(self, pending: list[_Row]) -> None:
        """Send what is pending; what is locked or got no answer stays pending for the next pass."""
        left: list[_Row] = []
        away: RetryableError | None = None
        for group in _grouped(_collections(pending), COMPOSITE_QUERIES):
            try:
                answers = self._client.composite([self._part(rows) for rows in group], again=False)
            except RetryableError as error:
                away = error
                left += (row for rows in group for row in rows)
                continue
            for rows, answer in zip(group, answers, strict=True):
                left += self._take(rows, answer)
        pending[:] = left
        if left:
            raise away or RetryableError(f"{len(left)} records are locked by somebody else")

    def _part(self, rows: Sequence[_Row]) -> dict[str, Any]:
        first = rows[0].write
        path = "composite/sobjects"
        if first.upsert_by is not None:
            path += f"/{field_path(first.object)}/{field_path(first.upsert_by)}"
        return {
            "method": "PATCH",
            "url": f"/services/data/v{self._client.settings.api_version}/{path}",
            "httpHeaders": {"Sforce-Auto-Assign": "FALSE"},
            "body": {"allOrNone": False, "records": [_record(row.write) for row in rows]},
        }

    def _take(self, rows: Sequence[_Row], answer: Any) -> Iterator[_Row]:
        """Keep the results of a collection; yield the rows to try again."""
        if isinstance(answer, ConnectorError):
            yield from self._refused(rows, answer)
            return
        for row, result in zip(rows, answer, strict=True):
            if result["success"]:
                self._keep(row, None)
                continue
            code, text = row_error(result["errors"])
            self._keep(row, f"{code}: {text}")
            if code in TRANSIENT:
                yield row

    def _refused(self, rows: Sequence[_Row], error: ConnectorError) -> Iterator[_Row]:
        """Try the parts of a collection that was refused as a whole; what cannot be parted keeps the reason."""
        parts = _parted(rows, error)
        if len(parts) == 1:
            for row in rows:
                self._keep(row, str(error))
            return
        for part in parts:
            (answer,) = self._client.composite([self._part(part)], again=False)
            yield from self._take(part, answer)

    def _keep(self, row: _Row, error: str | None) -> None:
        self._results[row.place] = WriteResult(row.write.object, row.write.id, error)


def _parted(rows: Sequence[_Row], error: ConnectorError) -> list[Sequence[_Row]]:
    """Part rows that were refused for the sake of some: by their fields for an unknown field, else in halves."""
    if isinstance(error, RejectedError) and error.code in UNKNOWN_COLUMN:
        kinds: dict[frozenset[str], list[_Row]] = {}
        for row in rows:
            kinds.setdefault(frozenset(row.write.fields), []).append(row)
        return list(kinds.values())
    middle = len(rows) // 2
    return [half for half in (rows[:middle], rows[middle:]) if half]


def _record(write: WriteBack) -> Mapping[str, Any]:
    named = {write.upsert_by: write.id} if write.upsert_by else {"id": write.id}
    fields = {field_path(name): value for name, value in write.fields.items()}
    return {"attributes": {"type": field_path(write.object)}, **fields, **named}


def _collections(rows: Iterable[_Row]) -> Iterator[tuple[_Row, ...]]:
    """Cut rows into collections: one object each, so that what one object refuses does not touch another."""
    kinds: dict[tuple[str, str | None], list[_Row]] = {}
    for row in rows:
        kinds.setdefault((row.write.object, row.write.upsert_by), []).append(row)
    for (name, _), group in kinds.items():
        yield from _grouped(group, _ROWS_OF.get(name, _ROWS))


def _grouped(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    known = tuple(items)
    return (known[start : start + size] for start in range(0, len(known), size))
