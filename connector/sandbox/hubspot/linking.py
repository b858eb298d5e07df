"""Associations with their rules: which types fit, one parent per line, one primary company, what a deal adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.api import Api, text
from connector.sandbox.hubspot.errors import ApiError, invalid
from connector.sandbox.hubspot.links import PRIMARY, LinkType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.sandbox.hubspot.records import Writer
    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Record

Plan = list[tuple[LinkType, "End"]]


@dataclass(frozen=True, slots=True)
class End:
    """One of two records to associate."""

    kind: ObjectType
    record: Record

    @property
    def id(self) -> str:
        """The record's id."""
        return self.record.id


class Linking:
    """Associates and separates records."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def other(self, name: str) -> ObjectType:
        """Return a type named in a query or body."""
        found = self.api.store.schema.find(name)
        if found is None:
            raise invalid(f"Unable to infer object type from: {name}")
        return found

    def create(self, kind: ObjectType, body: Mapping[str, Any], by: Writer) -> Record:
        """Add a record together with the associations its body asks for."""
        plan = self.check(kind, body, by)
        record = self.api.records.create(kind, body["properties"], by)
        for link, end in plan:
            self.connect(link, End(kind, record), end, by)
        return record

    def check(self, kind: ObjectType, body: Mapping[str, Any], by: Writer) -> Plan:
        """Raise what a new record would be refused for; nothing is kept."""
        given = body.get("properties")
        if not isinstance(given, dict):
            raise invalid("Invalid input JSON: properties is missing")
        self.api.records.check_new(kind, given, by)
        return self._plan(kind, body.get("associations") or [])

    def _plan(self, kind: ObjectType, wanted: list[dict[str, Any]]) -> Plan:
        plan: Plan = []
        for each in wanted:
            target_id = text(each.get("to") or {}, "id")
            for spec in each.get("types") or []:
                link = self.link_type(spec, kind)
                target = self.other(link.target)
                plan.append((link, self.end(target, target_id)))
        return plan

    def link_type(self, spec: Mapping[str, Any], source: ObjectType, target: ObjectType | None = None) -> LinkType:
        """Return the type a body names by category and id; it must lead from where it is used."""
        category, type_id = spec.get("associationCategory"), spec.get("associationTypeId")
        found = self.api.links.types.get((str(category), type_id)) if isinstance(type_id, int) else None
        if found is None or found.source != source.name or (target and found.target != target.name):
            towards = f" to {target.name}" if target else ""
            raise invalid(f"{category} association type {type_id} does not lead from {source.name}{towards}")
        return found

    def end(self, kind: ObjectType, record_id: str) -> End:
        """Return a live record at one end; ids that were merged away are no ends."""
        record = self.api.store.get(kind, record_id)
        if record is None or record.archived_at is not None:
            message = f"{kind.singular.upper()}={record_id} is not valid"
            raise ApiError("VALIDATION_ERROR", message, sub_category="crm.associations.INVALID_OBJECT_IDS")
        return End(kind, record)

    def connect(self, link: LinkType, one: End, other: End, by: Writer) -> None:
        """Associate two records; labels bring the unlabelled type with them."""
        self._one_parent(one, other)
        links = self.api.links
        fresh = links.connect(links.default(one.kind, other.kind), one.id, other.id)
        if link.id in PRIMARY and link.category == "HUBSPOT_DEFINED":
            self._make_primary(link, one, other)
        elif link.label is not None:
            links.connect(link, one.id, other.id)
        self._first_company(one, other)
        self.settle(one.kind, one.id, other.kind, other.id)
        if fresh:
            self._tell(one, other.kind, other.id, by, removed=False)

    def separate(self, kind: ObjectType, record_id: str, target: ObjectType, target_id: str, by: Writer) -> None:
        """Remove everything between two records."""
        if self.api.links.disconnect(kind, record_id, target, target_id):
            self.settle(kind, record_id, target, target_id)
            record = self.api.store.get(kind, record_id)
            if record:
                self._tell(End(kind, record), target, target_id, by, removed=True)

    def settle(self, kind: ObjectType, record_id: str, target: ObjectType, target_id: str) -> None:
        """Bring what deals and quotes add up to in line."""
        for each, each_id in ((kind, record_id), (target, target_id)):
            record = self.api.store.get(each, each_id)
            if record and each.name in {"deals", "quotes"}:
                self.api.records.consequences.refresh(each, record)

    def _one_parent(self, one: End, other: End) -> None:
        """Hold a line item to one deal, and to one quote (vendor's line items guide)."""
        for line, parent in ((one, other), (other, one)):
            if line.kind.name != "line_items" or parent.kind.name not in {"deals", "quotes"}:
                continue
            others = set(self.api.links.ids(line.kind, line.id, parent.kind)) - {parent.id}
            if others:
                message = f"Line item {line.id} already belongs to {parent.kind.singular} {others.pop()}"
                raise ApiError("VALIDATION_ERROR", message, sub_category="crm.associations.LIMIT_EXCEEDED")

    def _make_primary(self, link: LinkType, one: End, other: End) -> None:
        """Let a record have one primary company; naming another takes the word from the first."""
        links = self.api.links
        owner, company = (one, other) if link.id in {5, 1} else (other, one)
        forward = link if link.id in {5, 1} else links.types["HUBSPOT_DEFINED", link.inverse]
        for company_id in links.ids(owner.kind, owner.id, company.kind):
            links.drop_types([forward], owner.id, company_id)
        links.connect(link, one.id, other.id)

    def _first_company(self, one: End, other: End) -> None:
        names = {one.kind.name, other.kind.name}
        if names not in ({"deals", "companies"}, {"contacts", "companies"}):
            return
        owner, company = (one, other) if other.kind.name == "companies" else (other, one)
        links = self.api.links
        primary = links.types["HUBSPOT_DEFINED", 5 if owner.kind.name == "deals" else 1]
        if not any(primary in kinds for kinds in links.targets(owner.kind, owner.id, company.kind).values()):
            links.connect(primary, owner.id, company.id)

    def _tell(self, one: End, target: ObjectType, target_id: str, by: Writer, *, removed: bool) -> None:
        words = f"{one.kind.singular}_TO_{target.singular}".upper()
        detail = {"type": words, "from": one.id, "to": target_id, "removed": removed, "by": by}
        for listener in self.api.records.listeners:
            listener(one.kind, one.record, "associationChange", detail)
