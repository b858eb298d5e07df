"""A HubSpot account's objects and properties as a catalogue for mapping files, with fill rates on request.

Beside an object's own properties stand the fields that the adapter adds (`family.py`): associations, which a path may
follow, and days. A line's tiers are records that the adapter makes.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from connector.crm.hubspot.changes import MODIFIED
from connector.crm.hubspot.client import HubSpotClient
from connector.crm.hubspot.family import ADDED, MADE, PARENTS
from connector.crm.hubspot.schema import Property
from connector.mapping.catalogue import Catalogue, CrmField, CrmObject, collect
from connector.mapping.raw import RawRecord

#: Objects whose records are read.
_READ = frozenset({name for name, _ in PARENTS} | set(PARENTS.values()))
#: HubSpot's type of a property → the word that the checks of a mapping know. Choices of several are told by the field.
_TYPES = {"bool": "boolean", "number": "double", "enumeration": "picklist", "phone_number": "phone"}


def described(client: HubSpotClient, paths: Mapping[str, Iterable[str]], source: str) -> Catalogue:
    """Describe the objects that paths start at or lead through; one call for each object."""
    return collect(paths, source, lambda name: describe_object(client, name))


def describe_object(client: HubSpotClient, name: str) -> CrmObject | None:
    """Return one object with what the adapter adds to it; None for one that it does not read.

    HubSpot would answer to "deal" as well, but records of it are named "deals".
    """
    if name in MADE:
        return CrmObject(name, "", MappingProxyType({each: CrmField(each, object=name) for each in MADE[name]}))
    if name not in _READ:
        return None
    own = {row["name"]: _field(name, row) for row in client.properties(name)}
    return CrmObject(name, name.replace("_", " "), MappingProxyType(own | dict(_added(name))))


def latest_records(client: HubSpotClient, found: CrmObject, limit: int) -> Iterator[RawRecord]:
    """Yield the records that changed last, with every property; what the adapter adds is not looked at."""
    if found.name in MADE:
        return
    columns = [name for name in found.fields if name not in ADDED.get(found.name, {})]
    modified = "lastmodifieddate" if found.name == "contacts" else MODIFIED
    ids = client.latest(found.name, modified, limit)
    for row in client.read(found.name, ids, columns):
        fields = {name: value for name, value in row["properties"].items() if value not in {None, ""}}
        yield RawRecord(found.name, row["id"], fields)


def _added(name: str) -> Iterator[tuple[str, CrmField]]:
    for field, kind in ADDED.get(name, {}).items():
        step = field.removesuffix("Id")
        parent = PARENTS.get((name, step)) if field.endswith("Id") else None
        label = "set by the connector"
        leads = (parent,) if parent else ()
        relationship = step if parent else None
        yield field, CrmField(field, label, kind, (), leads, relationship, object=name, counts=False)


def _field(owner: str, row: Mapping[str, Any]) -> CrmField:
    its = Property.of(row)
    several = its.type == "enumeration" and row.get("fieldType") == "checkbox"
    return CrmField(
        name=its.name,
        label=its.label,
        type="multipicklist" if several else _TYPES.get(its.type, its.type),
        values=its.options if its.type == "enumeration" else (),
        writable=its.writable,
        object=owner,
    )
