"""Batches of at most 100 records: read, create, update, upsert, archive (vendor's objects guide).

What a batch could not do is listed under ``errors`` in a 207; version 2026-09 answers that with the plain status.
A batch create is all or nothing, unless every input carries an ``objectWriteTraceId``. Whether one wrong value stops a
batch update is told both ways (the changelog promises a 207, integrations report a 400 for the whole): it goes on,
unless the portal is set up with ``whole_batches``. Reads with history take 50 inputs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot import rendering
from connector.sandbox.hubspot.api import Api, Call, text
from connector.sandbox.hubspot.clock import stamp
from connector.sandbox.hubspot.errors import ApiError, invalid, not_found
from connector.sandbox.hubspot.linking import Linking
from connector.sandbox.hubspot.tokens import object_scopes

if TYPE_CHECKING:
    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Record

MAX_INPUTS, MAX_WITH_HISTORY = 100, 50
Rows = list[dict[str, Any]]


class BatchResource:
    """``/objects/{objectType}/batch``."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.linking = Linking(api)

    def install(self) -> None:
        """Register the routes."""
        for name in ("read", "create", "update", "upsert", "archive"):
            self.api.add("POST", f"/objects/{{objectType}}/batch/{name}", getattr(self, name))

    def read(self, call: Call) -> Response:
        """Return records by id or by a unique property; the order is the portal's, not the request's."""
        kind, body = self._kind(call, "read"), call.fields()
        keys = list(dict.fromkeys(text(each, "id") for each in call.inputs(MAX_INPUTS)))
        id_property, archived = body.get("idProperty"), call.flag("archived")
        names, history = body.get("properties") or [], body.get("propertiesWithHistory") or []
        if history:
            call.inputs(MAX_WITH_HISTORY)
        rows, missing = [], []
        for key in keys:
            if id_property and id_property != "hs_object_id":
                record = self.api.records.find(kind, key, id_property)
            else:
                record = self.api.store.get(kind, key)
            if record is None or (record.archived_at is not None) != archived:
                missing.append(key)
            else:
                rows.append(rendering.body(kind, record, names, history))
        rows.sort(key=lambda row: int(row["id"]))
        message = f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist."
        errors = [not_found(message).entry(*missing)] if missing else []
        return batch_answer(self.api, call, rows, errors)

    def create(self, call: Call) -> Response:
        """Add records; inputs that are the same in everything become one record (vendor's line items guide)."""
        kind, inputs = self._kind(call, "write"), call.inputs(MAX_INPUTS)
        partial = all(each.get("objectWriteTraceId") for each in inputs)
        distinct = list({json.dumps(each, sort_keys=True): each for each in inputs}.values())
        if not partial:
            for each in distinct:
                self.linking.check(kind, each, call.writer)
        rows: Rows = []
        errors: Rows = []
        for each in distinct:
            try:
                record = self.linking.create(kind, each, call.writer)
            except ApiError as error:
                if not partial:
                    raise
                errors.append(_traced(error.entry(), each))
            else:
                rows.append(_traced(rendering.whole(kind, record), each))
        return batch_answer(self.api, call, rows, errors, 201)

    def update(self, call: Call) -> Response:
        """Change records; ids that were merged away are not followed."""
        kind, inputs = self._kind(call, "write"), call.inputs(MAX_INPUTS)
        rows: Rows = []
        errors: Rows = []
        missing = []
        if self.api.whole_batches:
            self._check_all(kind, call, inputs)
        for each in inputs:
            key, id_property = text(each, "id"), each.get("idProperty") or call.query("idProperty")
            record = self._found(kind, key, id_property)
            if record is None:
                missing.append(key)
                continue
            try:
                self.api.records.update(kind, record, _properties(each), call.writer)
            except ApiError as error:
                errors.append(_traced(error.entry(key), each))
            else:
                rows.append(_traced(rendering.body(kind, record, [*kind.defaults, *_properties(each)]), each))
        if missing:
            message = f"Could not find some {kind.singular.upper()} objects, they may be deleted or not exist."
            errors.append(not_found(message).entry(*missing))
        return batch_answer(self.api, call, rows, errors)

    def _check_all(self, kind: ObjectType, call: Call, inputs: Rows) -> None:
        for each in inputs:
            record = self._found(kind, text(each, "id"), each.get("idProperty") or call.query("idProperty"))
            if record is not None:
                self.api.records.check_change(kind, record, _properties(each), call.writer)

    def upsert(self, call: Call) -> Response:
        """Change the record that has a value in a unique property, or add one."""
        kind = self._kind(call, "write")
        rows: Rows = []
        errors: Rows = []
        for each in call.inputs(MAX_INPUTS):
            key, id_property = text(each, "id"), each.get("idProperty")
            try:
                record = self.api.records.find(kind, key, id_property)
                new = record is None
                if record is None:
                    if not id_property or id_property == "hs_object_id":
                        raise not_found(f"{kind.singular} {key} does not exist")
                    record = self.api.records.create(kind, {id_property: key, **_properties(each)}, call.writer)
                else:
                    self.api.records.update(kind, record, _properties(each), call.writer)
            except ApiError as error:
                errors.append(_traced(error.entry(key), each))
                continue
            rows.append(_traced(rendering.whole(kind, record) | {"new": new}, each))
        return batch_answer(self.api, call, rows, errors)

    def archive(self, call: Call) -> Response:
        """Archive records; those that are not there count as archived."""
        kind = self._kind(call, "write")
        for each in call.inputs(MAX_INPUTS):
            record = self._exact(kind, text(each, "id"))
            if record is not None:
                self.api.records.archive(kind, record, call.writer)
        return Response(204)

    def _found(self, kind: ObjectType, key: str, id_property: str) -> Record | None:
        return self.api.records.find(kind, key, id_property) if id_property else self._exact(kind, key)

    def _exact(self, kind: ObjectType, key: str) -> Record | None:
        record = self.api.store.get(kind, key)
        return record if record and record.archived_at is None else None

    def _kind(self, call: Call, mode: str) -> ObjectType:
        kind = self.api.kind(call)
        self.api.allow(call, object_scopes(kind, mode))
        return kind


def batch_answer(api: Api, call: Call, rows: Rows, errors: Rows, status: int = 200) -> Response:
    """Return the answer of a batch."""
    now = stamp(api.store.clock.ms())
    answer: dict[str, Any] = {"status": "COMPLETE", "results": rows, "startedAt": now, "completedAt": now}
    if not errors:
        return json_response(answer, status)
    answer |= {"numErrors": len(errors), "errors": errors}
    return json_response(answer, status if call.version == "2026-09" else 207)


def _properties(given: dict[str, Any]) -> dict[str, Any]:
    found = given.get("properties")
    if not isinstance(found, dict):
        raise invalid("Invalid input JSON: properties is missing")
    return found


def _traced(answer: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Let an answer carry the mark by which the client tells its inputs apart."""
    trace = given.get("objectWriteTraceId")
    if not trace:
        return answer
    if "context" in answer:
        return answer | {"context": {**answer["context"], "objectWriteTraceId": [str(trace)]}}
    return answer | {"objectWriteTraceId": str(trace)}
