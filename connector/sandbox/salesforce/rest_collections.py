"""composite/sobjects: up to 200 records in one call, each with its own result, in the order given.

A failing record is reported in a 200; with allOrNone the others are rolled back (vendor pages on sObject collections).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.ids import canonical
from connector.sandbox.salesforce.records import MultipleChoices
from connector.sandbox.salesforce.rest_sobjects import show_record
from connector.sandbox.salesforce.soql_bind import find_sobject

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.sandbox.salesforce.api import Call, DataApi
    from connector.sandbox.salesforce.schema import SObject

MAX_RECORDS, MAX_CHUNKS, MAX_RETRIEVED = 200, 10, 2000
Result = dict[str, Any]
_ROLLED_BACK = (
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


class CollectionResource:
    """The collection endpoints."""

    def __init__(self, api: DataApi) -> None:
        self.api = api

    def install(self) -> None:
        """Add the routes."""
        self.api.add("POST", "/composite/sobjects", self.create)
        self.api.add("PATCH", "/composite/sobjects", self.update)
        self.api.add("DELETE", "/composite/sobjects", self.delete)
        self.api.add("GET", "/composite/sobjects/{sobject}", self.retrieve)
        self.api.add("POST", "/composite/sobjects/{sobject}", self.retrieve)
        self.api.add("PATCH", "/composite/sobjects/{sobject}/{field}", self.upsert)

    def create(self, call: Call) -> Response:
        """POST: insert records of up to ten chunks of types."""

        def insert(row: dict[str, Any]) -> Result:
            return {"id": self.api.records.create(self._type(row), row), "success": True, "errors": []}

        return self._each(call, insert)

    def update(self, call: Call) -> Response:
        """PATCH: change records by id."""

        def change(row: dict[str, Any]) -> Result:
            sobject, record_id, fields = self._type(row), _id_of(row), _without_id(row)
            self.api.records.update(sobject, record_id, fields)
            return {"id": canonical(record_id), "success": True, "errors": []}

        return self._each(call, change)

    def upsert(self, call: Call) -> Response:
        """PATCH /{object}/{external id}: one type, matched by an external id that each record carries."""
        sobject = self.api.sobject(call)
        column = self.api.records.external_field(sobject, call.variables["field"])

        def save(row: dict[str, Any]) -> Result:
            value = next((v for name, v in row.items() if name.lower() == column.name.lower()), None)
            if value is None:
                raise ApiError("MISSING_ARGUMENT", f"{column.name} not specified", fields=())
            fields = {name: v for name, v in row.items() if name.lower() != column.name.lower()}
            record_id, created = self.api.records.upsert(sobject, column.name, str(value), fields)
            return {"id": record_id, "success": True, "errors": [], "created": created}

        return self._each(call, save)

    def delete(self, call: Call) -> Response:
        """DELETE ?ids=a,b&allOrNone=true."""

        def remove(row: dict[str, Any]) -> Result:
            sobject = self.api.store.schema.by_id(row["id"])
            if sobject is None:
                raise ApiError("MALFORMED_ID", f"malformed id {row['id']}", fields=())
            self.api.records.delete(sobject, row["id"])
            return {"id": canonical(row["id"]), "success": True, "errors": []}

        ids = [record_id for record_id in call.param("ids").split(",") if record_id]
        rows = [{"id": record_id} for record_id in ids]
        return json_response(self._run(rows, remove, all_or_none=call.param("allOrNone").lower() == "true"))

    def retrieve(self, call: Call) -> Response:
        """GET ?ids=&fields= or POST {ids, fields}: records in the order of the ids, null for those not there."""
        sobject = self.api.sobject(call)
        if call.request.method == "POST":
            body = call.fields()
            ids, names = body.get("ids", []), body.get("fields", [])
        else:
            ids, names = call.param("ids").split(","), call.param("fields").split(",")
        if len(ids) > MAX_RETRIEVED:
            raise ApiError("LIMIT_EXCEEDED", f"no more than {MAX_RETRIEVED} records in one call")
        found = [self.api.store.get(sobject, canonical(record_id) or "") for record_id in ids]
        rows = [
            show_record(call.version, sobject, r, names) if r is not None and not r["IsDeleted"] else None
            for r in found
        ]
        return json_response(rows)

    # --- one result a record ---------------------------------------------------------------------------

    def _each(self, call: Call, act: Callable[[dict[str, Any]], Result]) -> Response:
        body = call.fields()
        rows = body.get("records")
        if not isinstance(rows, list) or not rows:
            raise ApiError("JSON_PARSER_ERROR", "records must be a list with at least one record")
        chunks = len(list(groupby(str((row.get("attributes") or {}).get("type")) for row in rows)))
        if chunks > MAX_CHUNKS:
            raise ApiError("LIMIT_EXCEEDED", f"no more than {MAX_CHUNKS} chunks of types in one call")
        return json_response(self._run(rows, act, all_or_none=bool(body.get("allOrNone"))))

    def _run(
        self, rows: list[dict[str, Any]], act: Callable[[dict[str, Any]], Result], *, all_or_none: bool
    ) -> list[Result]:
        if len(rows) > MAX_RECORDS:
            raise ApiError("LIMIT_EXCEEDED", f"no more than {MAX_RECORDS} records in one call")
        with self.api.store.savepoint() as roll_back:
            results = [self._attempt(row, act) for row in rows]
            if all_or_none and not all(result["success"] for result in results):
                roll_back()
                halted = {"statusCode": _ROLLED_BACK[0], "message": _ROLLED_BACK[1], "fields": []}
                return [{"success": False, "errors": [halted]} if r["success"] else r for r in results]
        return results

    def _attempt(self, row: dict[str, Any], act: Callable[[dict[str, Any]], Result]) -> Result:
        try:
            with self.api.store.savepoint() as roll_back:
                try:
                    return act(row)
                except ApiError:
                    roll_back()
                    raise
        except ApiError as error:
            return {"success": False, "errors": [error.row()]}
        except MultipleChoices as choices:
            message = f"{len(choices.ids)} records share the external id"
            return {"success": False, "errors": [ApiError("DUPLICATE_EXTERNAL_ID", message).row()]}

    def _type(self, row: dict[str, Any]) -> SObject:
        name = (row.get("attributes") or {}).get("type")
        if not name:
            raise ApiError("INVALID_TYPE", "attributes.type is required for each record", fields=())
        return find_sobject(self.api.store.schema, name)


def _id_of(row: dict[str, Any]) -> str:
    found = next((value for name, value in row.items() if name.lower() == "id"), None)
    if not isinstance(found, str):
        raise ApiError("MISSING_ARGUMENT", "Id not specified in an update call", fields=())
    return found


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name.lower() != "id"}
