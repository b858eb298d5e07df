"""Search with its limits: 200 rows a page, 10,000 in all, 18 filters, 3,000 characters, one sort (vendor's guide).

Archived records never appear; new ones do when the index has heard of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot import rendering
from connector.sandbox.hubspot.clock import stamp
from connector.sandbox.hubspot.errors import invalid
from connector.sandbox.hubspot.search import Column, compile_filter, matches_query
from connector.sandbox.hubspot.tokens import object_scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from connector.sandbox.hubspot.api import Api, Call
    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Indexed, Table

MAX_BODY, MAX_PAGE, MAX_ROWS = 3_000, 200, 10_000
MAX_GROUPS, MAX_PER_GROUP, MAX_FILTERS = 5, 6, 18


class SearchResource:
    """``/objects/{objectType}/search``."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def install(self) -> None:
        """Register the route."""
        self.api.add("POST", "/objects/{objectType}/search", self.search)

    def search(self, call: Call) -> Response:
        """Answer one page."""
        kind = self.api.kind(call)
        self.api.allow(call, object_scopes(kind, "read"))
        if len(call.request.body) > MAX_BODY:
            raise invalid(f"The request body is longer than {MAX_BODY} characters")
        body = call.fields()
        limit, offset = _page(body)
        found = self._ordered(kind, body, self._found(kind, body))
        rows = found[offset : offset + limit]
        names = body.get("properties") or []
        answer: dict[str, Any] = {"total": len(found), "results": [_row(kind, entry, names) for entry in rows]}
        if offset + limit < len(found):
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return json_response(answer)

    def _found(self, kind: ObjectType, body: Mapping[str, Any]) -> list[Indexed]:
        table = self.api.store.indexed(kind)
        groups = _groups(body)
        if not groups:
            found = [entry for number in table.numbers if (entry := table.index.get(number))]
        elif len(groups) == 1:
            found = self._group(kind, table, groups[0])
        else:
            hits = {entry.number: entry for group in groups for entry in self._group(kind, table, group)}
            found = [hits[number] for number in sorted(hits)]
        query = str(body.get("query") or "").strip()
        return [entry for entry in found if matches_query(kind, entry, query)] if query else found

    def _group(self, kind: ObjectType, table: Table, filters: list[dict[str, Any]]) -> list[Indexed]:
        """Return what passes all filters; ids are in order, so those a keyset poll has had are not looked at."""
        floor = max((bound for each in filters if (bound := _above(each)) is not None), default=0)
        tests = [self._test(kind, each) for each in filters if _above(each) is None]
        index = table.index
        found: Iterable[Indexed] = [index[number] for number in table.beyond(floor) if number in index]
        for test in tests:
            found = filter(test, found)
        return list(found)

    def _test(self, kind: ObjectType, given: dict[str, Any]) -> Callable[[Indexed], bool]:
        name = str(given.get("propertyName") or "")
        if not name.startswith("associations."):
            return compile_filter(kind, given)
        other = self.api.store.schema.find(name.removeprefix("associations."))
        values = given.get("values") or [given.get("value")]
        if other is None or given.get("operator") not in {"EQ", "IN"}:
            raise invalid(f"{name} can be compared with EQ and IN to ids of a standard object")
        ids = {each for value in values for each in self.api.links.ids(other, str(value), kind)}
        return lambda entry: str(entry.number) in ids

    def _ordered(self, kind: ObjectType, body: Mapping[str, Any], found: list[Indexed]) -> list[Indexed]:
        sorts = body.get("sorts") or []
        if len(sorts) > 1:
            raise invalid("sorts: only one sort is supported")
        if not sorts:
            return sorted(found, key=lambda entry: (entry.created, entry.number))
        name, descending = _sort(sorts[0])
        prop = kind.find(name)
        if prop is None:
            raise invalid(f"sorts: property {name} does not exist on {kind.name}")
        if name == "hs_object_id":
            return found[::-1] if descending else found
        read = Column(kind, prop).read
        known = [entry for entry in found if read(entry) is not None]
        known.sort(key=read, reverse=descending)
        return known + [entry for entry in found if read(entry) is None]


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    limit, after = body.get("limit", 10), str(body.get("after") or "0")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= MAX_PAGE:
        raise invalid(f"limit must be at most {MAX_PAGE}, not {limit}")
    if not after.isdigit():
        raise invalid(f"after must be an integer, not {after}")
    if int(after) + limit > MAX_ROWS:
        raise invalid(f"Paging past {MAX_ROWS} results is not supported: after {after} with a limit of {limit}")
    return limit, int(after)


def _groups(body: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    given = body.get("filterGroups") or []
    if body.get("filters"):
        given = [*given, {"filters": body["filters"]}]
    groups = [list(group.get("filters") or []) for group in given]
    total = sum(map(len, groups))
    if len(groups) > MAX_GROUPS:
        raise invalid(f"filterGroups: at most {MAX_GROUPS} groups are supported, not {len(groups)}")
    if total > MAX_FILTERS or any(len(group) > MAX_PER_GROUP for group in groups):
        raise invalid(f"filterGroups: at most {MAX_PER_GROUP} filters a group and {MAX_FILTERS} in all are supported")
    return groups


def _sort(given: Any) -> tuple[str, bool]:
    """Read a sort: an object, or a name with a minus for descending."""
    if isinstance(given, str):
        return given.removeprefix("-"), given.startswith("-")
    if not isinstance(given, dict) or given.get("direction", "ASCENDING") not in {"ASCENDING", "DESCENDING"}:
        raise invalid("sorts: an object with propertyName and direction, or a name, is expected")
    return str(given.get("propertyName")), given.get("direction") == "DESCENDING"


def _above(given: dict[str, Any]) -> int | None:
    """Return the id that a filter of a keyset poll has to be beyond; None when it is another kind of filter."""
    value = str(given.get("value"))
    own = given.get("propertyName") == "hs_object_id" and given.get("operator") == "GT"
    return int(value) if own and value.isdigit() else None


def _row(kind: ObjectType, entry: Indexed, names: Iterable[str]) -> dict[str, Any]:
    moments = (entry.created, entry.updated)
    return {
        "id": str(entry.number),
        "properties": rendering.properties(kind, str(entry.number), entry.values, moments, names),
        "createdAt": stamp(entry.created),
        "updatedAt": stamp(entry.updated),
        "archived": False,
    }
