"""Single records: list, create, get, update, archive, merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot import rendering
from connector.sandbox.hubspot.api import Api, Call, no_record, text
from connector.sandbox.hubspot.errors import invalid
from connector.sandbox.hubspot.linking import Linking
from connector.sandbox.hubspot.merging import merge
from connector.sandbox.hubspot.tokens import object_scopes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Record

PAGE, PAGE_WITH_HISTORY = 100, 50


class ObjectResource:
    """``/objects/{objectType}``."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.linking = Linking(api)

    def install(self) -> None:
        """Register the routes."""
        base, one = "/objects/{objectType}", "/objects/{objectType}/{objectId}"
        self.api.add("POST", f"{base}/merge", self.merge)
        self.api.add("GET", base, self.page)
        self.api.add("POST", base, self.create)
        self.api.add("GET", one, self.get)
        self.api.add("PATCH", one, self.update)
        self.api.add("DELETE", one, self.archive)

    def page(self, call: Call) -> Response:
        """Page through records by id."""
        kind = self._kind(call, "read")
        history = call.listed("propertiesWithHistory")
        most = PAGE_WITH_HISTORY if history else PAGE
        limit = call.number("limit", 10, most)
        rows = list(self._rows(kind, call, limit + 1))
        answer: dict[str, Any] = {"results": [self._shown(kind, record, call) for record in rows[:limit]]}
        if len(rows) > limit:
            after = rows[limit].id
            link = f"https://api.hubapi.com{call.request.path}?limit={limit}&after={after}"
            answer["paging"] = {"next": {"after": after, "link": link}}
        return json_response(answer)

    def _rows(self, kind: ObjectType, call: Call, count: int) -> Iterator[Record]:
        after, archived = call.query("after", "0"), call.flag("archived")
        if not after.isdigit():
            raise invalid(f"after is not a cursor of this list: {after}")
        start = max(int(after) - self.api.repeated_rows, 0)
        for record in self.api.store.after(kind, start):
            if (record.archived_at is not None) == archived:
                yield record
                count -= 1
            if not count:
                return

    def create(self, call: Call) -> Response:
        """Add a record with its associations; neither is kept when one of them is wrong."""
        kind, body = self._kind(call, "write"), call.fields()
        record = self.linking.create(kind, body, call.writer)
        return json_response(rendering.whole(kind, record), 201)

    def get(self, call: Call) -> Response:
        """Return one record; an archived one only when asked for."""
        kind = self._kind(call, "read")
        if call.flag("archived"):
            record = self.api.store.get(kind, call["objectId"])
            if record is None or record.archived_at is None:
                raise no_record()
        else:
            record = self.api.records.existing(kind, call["objectId"], call.query("idProperty") or None)
        return json_response(self._shown(kind, record, call))

    def update(self, call: Call) -> Response:
        """Change a record."""
        kind = self._kind(call, "write")
        record = self.api.records.existing(kind, call["objectId"], call.query("idProperty") or None)
        given = call.fields().get("properties")
        if not isinstance(given, dict):
            raise invalid("Invalid input JSON: properties is missing")
        self.api.records.update(kind, record, given, call.writer)
        return json_response(rendering.body(kind, record, [*kind.defaults, *given]))

    def archive(self, call: Call) -> Response:
        """Archive a record; one that is not there is as good as archived."""
        kind = self._kind(call, "write")
        record = self.api.records.find(kind, call["objectId"])
        if record is not None:
            self.api.records.archive(kind, record, call.writer)
        return Response(204)

    def merge(self, call: Call) -> Response:
        """Merge two records."""
        kind, body = self._kind(call, "write"), call.fields()
        record = merge(self.api, kind, text(body, "primaryObjectId"), text(body, "objectIdToMerge"), call.writer)
        return json_response(rendering.whole(kind, record))

    def _kind(self, call: Call, mode: str) -> ObjectType:
        kind = self.api.kind(call)
        self.api.allow(call, object_scopes(kind, mode))
        return kind

    def _shown(self, kind: ObjectType, record: Record, call: Call) -> dict[str, Any]:
        answer = rendering.body(kind, record, call.listed("properties"), call.listed("propertiesWithHistory"))
        others = [self.linking.other(name) for name in call.listed("associations")]
        found = rendering.inline(self.api.links, kind, record, others, self.api.inline_cap)
        return answer | ({"associations": found} if found else {})
