"""Associations between records: list, batch read, create, default, labels, archive (vendor's v4 guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot.api import Api, Call, text
from connector.sandbox.hubspot.errors import ApiError, invalid
from connector.sandbox.hubspot.linking import End, Linking
from connector.sandbox.hubspot.rest_batch import batch_answer
from connector.sandbox.hubspot.tokens import object_scopes

if TYPE_CHECKING:
    from connector.sandbox.hubspot.links import LinkType
    from connector.sandbox.hubspot.schema import ObjectType

MAX_READ, MAX_WRITE, MAX_PAGE = 1_000, 2_000, 500


class AssociationResource:
    """``/objects/{objectType}/{objectId}/associations`` and ``/associations/{fromObjectType}/{toObjectType}``."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.linking = Linking(api)

    def install(self) -> None:
        """Register the routes."""
        one, add = "/objects/{objectType}/{objectId}/associations", self.api.add
        add("GET", f"{one}/{{toObjectType}}", self.page)
        add("PUT", f"{one}/default/{{toObjectType}}/{{toObjectId}}", self.set_default)
        add("PUT", f"{one}/{{toObjectType}}/{{toObjectId}}", self.set_labels)
        add("DELETE", f"{one}/{{toObjectType}}/{{toObjectId}}", self.remove)
        pair = "/associations/{fromObjectType}/{toObjectType}/batch"
        add("POST", f"{pair}/read", self.batch_read)
        add("POST", f"{pair}/create", self.batch_create)
        add("POST", f"{pair}/associate/default", self.batch_default)
        add("POST", f"{pair}/archive", self.batch_archive)
        add("POST", f"{pair}/labels/archive", self.batch_archive_labels)

    # --- one record --------------------------------------------------------------------------------------

    def page(self, call: Call) -> Response:
        """Page through what one record is associated with."""
        kind, target = self._ends(call, "objectType", "read")
        self.api.records.existing(kind, call["objectId"])
        limit = call.number("limit", MAX_PAGE, MAX_PAGE)
        rows, after = self._targets(kind, call["objectId"], target, call.query("after"), limit)
        answer: dict[str, Any] = {"results": rows}
        return json_response(answer | ({"paging": {"next": {"after": after}}} if after else {}))

    def set_default(self, call: Call) -> Response:
        """Associate two records without a label."""
        kind, target = self._ends(call, "objectType", "write")
        rows = self._default(call, kind, target, call["objectId"], call["toObjectId"])
        return batch_answer(self.api, call, rows, [])

    def set_labels(self, call: Call) -> Response:
        """Associate two records with labels."""
        kind, target = self._ends(call, "objectType", "write")
        specs = call.json()
        if not isinstance(specs, list) or not specs:
            raise invalid("Invalid input JSON: a list of association types is expected")
        one, other = self.linking.end(kind, call["objectId"]), self.linking.end(target, call["toObjectId"])
        return json_response(self._label(call, one, other, specs), 201)

    def remove(self, call: Call) -> Response:
        """Separate two records."""
        kind, target = self._ends(call, "objectType", "write")
        self.linking.separate(kind, call["objectId"], target, call["toObjectId"], call.writer)
        return Response(204)

    # --- batches -----------------------------------------------------------------------------------------

    def batch_read(self, call: Call) -> Response:
        """Return the associations of up to 1,000 records; those without any are missing from the results."""
        kind, target = self._ends(call, "fromObjectType", "read")
        rows, errors = [], []
        for each in call.inputs(MAX_READ):
            record_id = text(each, "id")
            found, after = self._targets(
                kind, record_id, target, str(each.get("after") or ""), self.api.association_page
            )
            if found:
                paging = {"paging": {"next": {"after": after, "link": f"?after={after}"}}} if after else {}
                rows.append({"from": {"id": record_id}, "to": found} | paging)
            else:
                errors.append(_none_found(kind, target, record_id))
        return batch_answer(self.api, call, rows, errors)

    def batch_create(self, call: Call) -> Response:
        """Associate up to 2,000 pairs with labels."""
        kind, target = self._ends(call, "fromObjectType", "write")
        rows, errors = [], []
        for each in call.inputs(MAX_WRITE):
            source_id, target_id = text(each.get("from") or {}, "id"), text(each.get("to") or {}, "id")
            try:
                one, other = self.linking.end(kind, source_id), self.linking.end(target, target_id)
                rows.append(self._label(call, one, other, each.get("types") or []))
            except ApiError as error:
                errors.append(error.entry(source_id, target_id))
        return batch_answer(self.api, call, rows, errors, 201)

    def batch_default(self, call: Call) -> Response:
        """Associate pairs without a label."""
        kind, target = self._ends(call, "fromObjectType", "write")
        rows: list[dict[str, Any]] = []
        for each in call.inputs(MAX_WRITE):
            source_id, target_id = text(each.get("from") or {}, "id"), text(each.get("to") or {}, "id")
            rows += self._default(call, kind, target, source_id, target_id)
        return batch_answer(self.api, call, rows, [])

    def batch_archive(self, call: Call) -> Response:
        """Separate records."""
        kind, target = self._ends(call, "fromObjectType", "write")
        for each in call.inputs(MAX_WRITE):
            for end in each.get("to") or []:
                source_id = text(each.get("from") or {}, "id")
                self.linking.separate(kind, source_id, target, text(end, "id"), call.writer)
        return Response(204)

    def batch_archive_labels(self, call: Call) -> Response:
        """Remove labels; the unlabelled type takes all of them with it."""
        kind, target = self._ends(call, "fromObjectType", "write")
        for each in call.inputs(MAX_WRITE):
            source_id, target_id = text(each.get("from") or {}, "id"), text(each.get("to") or {}, "id")
            kinds = [self.linking.link_type(spec, kind, target) for spec in each.get("types") or []]
            if any(link.label is None for link in kinds):
                self.linking.separate(kind, source_id, target, target_id, call.writer)
            else:
                self.api.links.drop_types(kinds, source_id, target_id)
                self.linking.settle(kind, source_id, target, target_id)
        return Response(204)

    # --- the work ----------------------------------------------------------------------------------------

    def _targets(
        self, kind: ObjectType, record_id: str, target: ObjectType, after: str, limit: int
    ) -> tuple[list[dict[str, Any]], str]:
        found = sorted(self.api.links.targets(kind, record_id, target).items(), key=lambda item: int(item[0]))
        live = [(target_id, kinds) for target_id, kinds in found if self._live(target, target_id)]
        rest = [item for item in live if not after or int(item[0]) > int(after)]
        rows = [
            {"toObjectId": int(target_id), "associationTypes": [each.body() for each in kinds]}
            for target_id, kinds in rest[:limit]
        ]
        return rows, (rest[limit - 1][0] if len(rest) > limit else "")

    def _live(self, kind: ObjectType, record_id: str) -> bool:
        record = self.api.store.get(kind, record_id)
        return record is not None and record.archived_at is None

    def _default(
        self, call: Call, kind: ObjectType, target: ObjectType, source_id: str, target_id: str
    ) -> list[dict[str, Any]]:
        one, other = self.linking.end(kind, source_id), self.linking.end(target, target_id)
        there = self.api.links.default(kind, target)
        self.linking.connect(there, one, other, call.writer)
        back = self.api.links.types[there.category, there.inverse]
        return [_associated(there, source_id, target_id), _associated(back, target_id, source_id)]

    def _label(self, call: Call, one: End, other: End, specs: list[Any]) -> dict[str, Any]:
        kinds = [self.linking.link_type(spec, one.kind, other.kind) for spec in specs]
        if not kinds:
            raise invalid("types must not be empty")
        for link in kinds:
            self.linking.connect(link, one, other, call.writer)
        return {
            "fromObjectTypeId": one.kind.type_id,
            "fromObjectId": int(one.id),
            "toObjectTypeId": other.kind.type_id,
            "toObjectId": int(other.id),
            "labels": [link.label for link in kinds if link.label],
        }

    def _ends(self, call: Call, source: str, mode: str) -> tuple[ObjectType, ObjectType]:
        kind, target = self.api.kind(call, source), self.api.kind(call, "toObjectType")
        self.api.allow(call, object_scopes(kind, mode))
        return kind, target


def _associated(link: LinkType, source_id: str, target_id: str) -> dict[str, Any]:
    spec = {"associationCategory": link.category, "associationTypeId": link.id}
    return {"from": {"id": source_id}, "to": {"id": target_id}, "associationSpec": spec}


def _none_found(kind: ObjectType, target: ObjectType, record_id: str) -> dict[str, Any]:
    message = f"No {target.type_id} is associated with {kind.type_id} {record_id}"
    context = {"fromObjectId": [record_id], "fromObjectType": [kind.type_id], "toObjectType": [target.type_id]}
    error = ApiError(
        "OBJECT_NOT_FOUND", message, context=context, sub_category="crm.associations.NO_ASSOCIATIONS_FOUND"
    )
    return error.entry()
