"""The toy CRM over HTTP: three tables, a login, a search by one field, a save of many rows.

    POST /api/login         {"key": "..."}                                 {"token": "..."}
    POST /api/info          {}                                             {"test": true, "tables": {"sales": [...]}}
    POST /api/{table}/find  {"field": "id", "values": [...], "after": ""}  {"rows": [...], "more": false}
    POST /api/{table}/save  {"rows": [{"id": "s1", "note": "..."}]}        {"errors": [null]}

`field` may be "changed": then `values` holds one moment, and rows that were saved since are found.
"""

from datetime import datetime, timedelta
from itertools import count
from typing import Any, Self

from connector.sandbox.clock import Clock
from connector.sandbox.http import Request, Response, SandboxServer, json_response

KEY = "toy-key-1"
TABLES = {
    "sales": ("id", "root", "renews", "customer", "currency", "start", "end", "day", "won", "note", "status", "mrr"),
    "lines": ("id", "sale", "product", "quantity", "price", "every", "start", "end", "revises"),
    "customers": ("id", "name", "email", "country"),
}
_NUMBERS = frozenset({"mrr", "quantity", "price"})


class Toy:
    """A toy CRM on a port of its own: `app` and server in one."""

    def __init__(self, *, now: datetime | None = None, page: int = 50) -> None:
        self.clock = Clock(now)
        self.tables: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in TABLES}
        self.locked: set[str] = set()
        self._page = page
        self._ids = count(1)
        self._token = 0
        self._server = SandboxServer(self)
        self.inject = self._server.inject

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return self._server.url

    @property
    def log(self) -> list[Any]:
        """All requests so far."""
        return self._server.log

    # --- what people do ----------------------------------------------------------------------------------

    def put(self, table: str, record_id: str = "", seen_in: float = 0.0, /, **values: Any) -> str:
        """Add or change a record; it is stamped now and seen some seconds later."""
        key = record_id or f"{table[0]}{next(self._ids)}"
        before = self.tables[table].get(key, {"id": key})
        now = self.clock.now()
        row = {**before, **values, "changed": now.isoformat()}
        self.tables[table][key] = {**row, "_seen": now + timedelta(seconds=seen_in), "_before": before}
        return key

    def delete(self, table: str, record_id: str) -> None:
        """Delete a record."""
        del self.tables[table][record_id]

    def expire(self) -> None:
        """End every session."""
        self._token += 1

    # --- what the server asks ----------------------------------------------------------------------------

    def route_of(self, request: Request) -> str:
        """Name a route; the paths have no variables worth hiding."""
        return request.path

    def control(self, request: Request) -> Response | None:  # noqa: ARG002 - the server's protocol
        """Steer nothing."""
        return None

    def reset(self) -> None:
        """Forget everything."""
        for rows in self.tables.values():
            rows.clear()

    def handle(self, request: Request) -> Response:
        """Execute a request."""
        answer, status = self._answer(request.path.strip("/").split("/")[1:], request)
        return json_response(answer, status, {"Date": self.clock.http_date()})

    def _answer(self, steps: list[str], request: Request) -> tuple[Any, int]:
        body = request.json()
        if steps == ["login"]:
            return ({"token": f"t{self._token}"}, 200) if body.get("key") == KEY else ({"error": "wrong key"}, 403)
        if request.headers.get("authorization") != f"Bearer t{self._token}":
            return {"error": "the session has ended"}, 401
        match steps:
            case ["info"]:
                return {"test": True, "tables": TABLES}, 200
            case [table, "find"] if table in TABLES:
                return self._find(table, body), 200
            case [table, "save"] if table in TABLES:
                return self._save(table, body["rows"])
        return {"error": f"the emulator has no {request.path}"}, 501

    def _rows(self, table: str) -> list[dict[str, Any]]:
        now = self.clock.now()
        rows = (row if row["_seen"] <= now else row["_before"] for row in self.tables[table].values())
        return [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows if "changed" in row]

    def _find(self, table: str, body: dict[str, Any]) -> dict[str, Any]:
        field, values = body["field"], body["values"]
        found = [
            row
            for row in self._rows(table)
            if (row["changed"] >= values[0] if field == "changed" else row.get(field) in values)
            and row["id"] > body.get("after", "")
        ]
        found.sort(key=lambda row: row["id"])
        return {"rows": found[: self._page], "more": len(found) > self._page}

    def _save(self, table: str, rows: list[dict[str, Any]]) -> tuple[Any, int]:
        if held := self.locked.intersection(row["id"] for row in rows):
            self.locked -= held
            return {"error": "a record is locked"}, 423
        return {"errors": [self._save_one(table, row) for row in rows]}, 200

    def _save_one(self, table: str, row: dict[str, Any]) -> str | None:
        if row["id"] not in self.tables[table]:
            return "there is no such record"
        for name, value in row.items():
            if name not in TABLES[table]:
                return f"there is no field {name}"
            if name in _NUMBERS and not _is_number(value):
                return f"{name} is a number"
        self.put(table, row["id"], **{name: value for name, value in row.items() if name != "id"})
        return None


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True
