"""An org's objects and fields as a catalogue for mapping files: from describe calls, with fill rates on request."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.query import Query, field_path
from connector.mapping.catalogue import Catalogue, CrmField, CrmObject, collect
from connector.mapping.raw import RawRecord

#: Types that cannot stand beside others in a query, or would only cost time.
_NOT_READ = frozenset(["address", "location", "base64", "complexvalue", "anyType"])
#: Columns of one query, so that its text fits into an address.
_CHUNK = 100


def described(client: SalesforceClient, paths: Mapping[str, Iterable[str]], source: str) -> Catalogue:
    """Describe the objects that paths start at or lead through; one call for each object."""
    return collect(paths, source, lambda name: describe_object(client, name))


def describe_object(client: SalesforceClient, name: str) -> CrmObject | None:
    """Return one object; None when the org does not have or show it."""
    body = client.read(f"sobjects/{field_path(name)}/describe")
    if not body:
        return None
    fields = {row["name"]: _field(name, row) for row in body["fields"]}
    return CrmObject(name, str(body.get("label") or ""), MappingProxyType(fields))


def latest_records(client: SalesforceClient, found: CrmObject, limit: int) -> Iterator[RawRecord]:
    """Yield the records that changed last, with every field that can be read in a list."""
    names = [each.name for each in found.fields.values() if each.type not in _NOT_READ and each.name != "Id"]
    merged: dict[str, dict[str, object]] = {}
    for start in range(0, len(names), _CHUNK):
        columns = frozenset(names[start : start + _CHUNK])
        query = Query(found.name, columns, "Id != null", order_by="SystemModstamp DESC", limit=limit)
        for row in client.rows(query.soql):
            fields = {key: value for key, value in row.items() if key not in {"attributes", "Id"}}
            merged.setdefault(row["Id"], {}).update(fields)
    yield from (RawRecord(found.name, key, fields) for key, fields in merged.items())


def _field(owner: str, row: Mapping[str, Any]) -> CrmField:
    return CrmField(
        name=row["name"],
        label=str(row.get("label") or ""),
        type=str(row.get("type") or ""),
        values=tuple(each["value"] for each in row.get("picklistValues") or () if each.get("active")),
        parents=tuple(row.get("referenceTo") or ()),
        relationship=row.get("relationshipName"),
        writable=bool(row.get("updateable")),
        object=owner,
        counts=row.get("type") != "id" and str(row.get("type")) not in _NOT_READ,
    )
