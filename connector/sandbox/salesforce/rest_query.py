"""query, queryAll and the pages of a large result.

A locator is an 18-character id with prefix ``0r8`` and the position of the next row; it lives two days. The batch size
header is honoured between 200 and 2,000 (vendor page on the query options header).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.ids import make_id
from connector.sandbox.salesforce.soql_ast import Aggregate, Query
from connector.sandbox.salesforce.soql_parser import parse
from connector.sandbox.salesforce.soql_run import Rows, Runner

if TYPE_CHECKING:
    from datetime import datetime

    from connector.sandbox.salesforce.api import Call, DataApi

LIFETIME = timedelta(days=2)
DEFAULT_PAGE, SMALLEST_PAGE, LARGEST_PAGE = 2000, 200, 2000


@dataclass(frozen=True, slots=True)
class Cursor:
    """An open result."""

    rows: Rows
    runner: Runner
    size: int
    expires: datetime
    resource: str


class QueryResource:
    """The query endpoints and their open cursors."""

    def __init__(self, api: DataApi) -> None:
        self.api = api
        self.cursors: dict[str, Cursor] = {}
        self._numbers = count(1)

    def install(self) -> None:
        """Add the routes."""
        self.api.add("GET", "/query", lambda call: self.query(call, "query"))
        self.api.add("GET", "/queryAll", lambda call: self.query(call, "queryAll"))
        self.api.add("GET", "/query/{locator}", self.page)
        self.api.add("GET", "/queryAll/{locator}", self.page)

    def query(self, call: Call, resource: str) -> Response:
        """GET query?q= and queryAll?q=."""
        query = parse(call.param("q"))
        runner = Runner(self.api.store, call.version, with_deleted=resource == "queryAll")
        if any(isinstance(item, Aggregate) for item in query.select):
            return json_response(_aggregated(runner, query))
        rows = runner.rows(query)
        cursor = Cursor(rows, runner, self._page_size(call), self.api.store.clock.now() + LIFETIME, resource)
        locator = ""
        if len(rows.records) > cursor.size:
            locator = make_id("0r8", next(self._numbers))
            self.cursors[locator] = cursor
        return json_response(_page(call, cursor, locator, 0))

    def page(self, call: Call) -> Response:
        """GET query/{locator}-{position}."""
        locator, _, position = call.variables["locator"].partition("-")
        cursor = self.cursors.get(locator)
        if cursor is None or not position.isdigit() or cursor.expires <= self.api.store.clock.now():
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return json_response(_page(call, cursor, locator, int(position)))

    def _page_size(self, call: Call) -> int:
        if self.api.page_size is not None:
            return self.api.page_size
        asked = re.search(r"batchSize=(\d+)", call.request.headers.get("sforce-query-options", ""))
        return min(max(int(asked.group(1)), SMALLEST_PAGE), LARGEST_PAGE) if asked else DEFAULT_PAGE


def _page(call: Call, cursor: Cursor, locator: str, position: int) -> dict[str, Any]:
    records = cursor.rows.records
    end = position + cursor.size
    answer: dict[str, Any] = {"totalSize": len(records), "done": end >= len(records)}
    if not answer["done"]:
        answer["nextRecordsUrl"] = f"/services/data/v{call.version}/{cursor.resource}/{locator}-{end}"
    answer["records"] = [cursor.runner.render(cursor.rows.shape, record) for record in records[position:end]]
    return answer


def _aggregated(runner: Runner, query: Query) -> dict[str, Any]:
    only = query.select[0]
    if len(query.select) == 1 and isinstance(only, Aggregate) and only.path is None and not query.group_by:
        return {"totalSize": runner.count(query), "done": True, "records": []}
    rows = runner.aggregates(query)
    return {"totalSize": len(rows), "done": True, "records": rows}
