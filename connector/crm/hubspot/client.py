"""The HubSpot client: the SDK's generated calls over our own door, and plain dictionaries for answers.

One object type is like another, so the SDK's generic objects API serves them all. Its models are not built: turning an
answer into them costs some twenty times the parsing, and they drop what HubSpot added later.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hubspot.crm import objects, owners, properties
from hubspot.crm.associations import v4 as associations
from hubspot.crm.associations.v4 import schema as association_schema
from tenacity import Retrying

from connector.crm.hubspot.door import HOST, Door
from connector.crm.hubspot.pace import Pace
from connector.crm.hubspot.settings import HubSpotSettings
from connector.domain.errors import RejectedError

#: Records in one batch, inputs of one association read, rows of one search page, owners of one page: HubSpot's largest.
RECORDS, ASSOCIATIONS, ROWS, OWNERS = 100, 1000, 200, 500

Row = dict[str, Any]
T = TypeVar("T")
_RAW = {"_preload_content": False}


@dataclass(frozen=True, slots=True)
class Tie:
    """One association: the record at its other end, and its types' ids and labels."""

    to: str
    types: frozenset[int]
    labels: frozenset[str]


Ties = Mapping[str, tuple[Tie, ...]]


class HubSpotClient:
    """One account, for many threads. Nothing happens on the network until the first call."""

    def __init__(self, settings: HubSpotSettings, *, policy: Retrying | None = None) -> None:
        self.settings = settings
        self.door = Door(settings, Pace(settings.burst, settings.searches), policy)
        self._basic = objects.BasicApi(self._sdk(objects))
        self._batch = objects.BatchApi(self._sdk(objects))
        self._search = objects.SearchApi(self._sdk(objects))
        self._ties = associations.BatchApi(self._sdk(associations))
        self._labels = association_schema.DefinitionsApi(self._sdk(association_schema))
        self._properties = properties.CoreApi(self._sdk(properties))
        self._owners = owners.OwnersApi(self._sdk(owners))
        self._groups = properties.GroupsApi(self._sdk(properties))

    def search(
        self, name: str, filters: Sequence[Row], columns: Sequence[str], *, after: str = "0", limit: int = ROWS
    ) -> list[Row]:
        """Return the records that meet all filters and whose id is above `after`, by id: at most `limit` of them.

        Ids, not pages: past 10,000 results HubSpot pages no further, and a search that goes on from the last id always
        begins at its first page.
        """
        request = {
            "filterGroups": [
                {"filters": [*filters, {"propertyName": "hs_object_id", "operator": "GT", "value": after}]}
            ],
            "sorts": ["hs_object_id"],
            "properties": list(columns),
            "limit": limit,
        }
        answer: Row = self._search.do_search(name, request, **_RAW)
        return list(answer["results"])

    def search_all(self, name: str, filters: Sequence[Row], columns: Sequence[str]) -> Iterator[Row]:
        """Yield all records that meet the filters, by id, however many there are."""
        after = "0"
        while True:
            page = self.search(name, filters, columns, after=after)
            yield from page
            if len(page) < ROWS:
                return
            after = page[-1]["id"]

    def latest(self, name: str, modified: str, limit: int) -> list[str]:
        """Return the ids of the records that changed last, by the property that tells when; at most 10,000."""
        found: list[str] = []
        while len(found) < limit:
            sorts = [{"propertyName": modified, "direction": "DESCENDING"}]
            rows = min(ROWS, limit - len(found))
            request = {"sorts": sorts, "properties": [], "limit": rows, "after": len(found)}
            answer: Row = self._search.do_search(name, request, **_RAW)
            found += [str(row["id"]) for row in answer["results"]]
            if len(answer["results"]) < rows:
                break
        return list(dict.fromkeys(found))

    def read(self, name: str, ids: Iterable[str], columns: Iterable[str]) -> Iterator[Row]:
        """Yield records by their ids, in no order; one that is not there, or archived, is left out."""
        wanted = sorted(columns)
        for some in chunks(dict.fromkeys(ids), RECORDS):
            request = {"inputs": [{"id": each} for each in some], "properties": wanted, "propertiesWithHistory": []}
            answer: Row = self._batch.read(name, request, archived=False, **_RAW)
            yield from answer["results"]

    def get(self, name: str, record_id: str, columns: Iterable[str]) -> Row | None:
        """Return one record; an id that was merged away gives the record it became. None when there is none."""
        try:
            found: Row = self._basic.get_by_id(name, record_id, properties=sorted(columns), **_RAW)
        except RejectedError as error:
            if error.status == 404:
                return None
            raise
        return found

    def archived(self, name: str, columns: Iterable[str]) -> Iterator[Row]:
        """Yield the archived records of an object: no search ever shows them."""
        after: str | None = None
        while True:
            options = {"after": after} if after else {}
            page: Row = self._basic.get_page(
                name, limit=RECORDS, properties=sorted(columns), archived=True, **options, **_RAW
            )
            yield from page["results"]
            after = ((page.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                return

    def ties(self, source: str, target: str, ids: Iterable[str]) -> Ties:
        """Return what records are associated with, by id; one without associations is left out.

        The answer is paged for each input on its own.
        """
        found: dict[str, dict[str, Tie]] = defaultdict(dict)
        pending: list[Row] = [{"id": each} for each in dict.fromkeys(ids)]
        while pending:
            some, pending = pending[:ASSOCIATIONS], pending[ASSOCIATIONS:]
            answer: Row = self._ties.get_page(source, target, {"inputs": some}, **_RAW)
            for result in answer["results"]:
                key = str(result["from"]["id"])
                for each in result["to"]:
                    _join(found[key], _tie(each))
                after = ((result.get("paging") or {}).get("next") or {}).get("after")
                pending += [{"id": key, "after": after}] if after else []
        return {key: tuple(ties.values()) for key, ties in found.items()}

    def update(self, name: str, changes: Mapping[str, Mapping[str, str]]) -> list[Row]:
        """Set properties of at most `RECORDS` records, by id; all are taken or none (RejectedError)."""
        inputs = [{"id": key, "properties": dict(values)} for key, values in changes.items()]
        answer: Row = self._batch.update(name, {"inputs": inputs}, **_RAW)
        return list(answer["results"])

    def update_one(self, name: str, record_id: str, values: Mapping[str, str]) -> Row:
        """Set properties of one record; an id that was merged away reaches the record it became."""
        found: Row = self._basic.update(name, record_id, {"properties": dict(values)}, **_RAW)
        return found

    def create(self, name: str, values: Mapping[str, str], ties: Sequence[Row] = ()) -> Row:
        """Make a record with its associations."""
        body = {"properties": dict(values), "associations": list(ties)}
        made: Row = self._basic.create(name, body, **_RAW)
        return made

    def properties(self, name: str) -> list[Row]:
        """Return the definitions of an object's properties."""
        return list(self._properties.get_all(name, **_RAW)["results"])

    def create_property(self, name: str, definition: Row) -> None:
        """Define a property. Raises RejectedError (status 409) for a name that is taken."""
        self._properties.create(name, definition, **_RAW)

    def groups(self, name: str) -> list[Row]:
        """Return an object's property groups."""
        return list(self._groups.get_all(name, **_RAW)["results"])

    def create_group(self, name: str, definition: Row) -> None:
        """Make a property group."""
        self._groups.create(name, definition, **_RAW)

    def owners(self, *, limit: int = OWNERS, archived: bool = False) -> Iterator[Row]:
        """Yield the people who can own records, or (`archived`) those who have left."""
        after: str | None = None
        while True:
            options = {"after": after} if after else {}
            page: Row = self._owners.get_page(limit=limit, archived=archived, **options, **_RAW)
            yield from page["results"]
            after = ((page.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                return

    def labels(self, source: str, target: str) -> list[Row]:
        """Return the association types between two objects, with their labels."""
        return list(self._labels.get_all(source, target, **_RAW)["results"])

    def create_label(self, source: str, target: str, definition: Row) -> None:
        """Make an association label, or a pair of them."""
        self._labels.create(source, target, definition, **_RAW)

    def pipelines(self, name: str) -> list[Row]:
        """Return an object's pipelines with their stages."""
        return list(self._get(f"/crm/v3/pipelines/{name}")["results"])

    def account(self) -> Row:
        """Return the account's details: portalId, accountType, timeZone, currencies.

        The SDK has no call for it, so its general client is used.
        """
        return self._get("/account-info/v3/details")

    def _get(self, path: str, query: Sequence[tuple[str, Any]] = ()) -> Row:
        client = self._basic.api_client
        found: Row = client.call_api(path, "GET", query_params=list(query), auth_settings=["oauth2"], **_RAW)
        return found

    def _sdk(self, package: Any) -> Any:
        """Return a generated client of the SDK that sends through our door."""
        level = logging.getLogger("urllib3").level
        configuration = package.Configuration(host=HOST)
        configuration.access_token = self.settings.token
        logging.getLogger("urllib3").setLevel(level)  # the SDK sets it for the whole program
        client = package.ApiClient(configuration)
        client.rest_client = self.door
        client.user_agent = "connector"
        return client


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of at most `size`."""
    known = list(items)
    return (known[start : start + size] for start in range(0, len(known), size))


def _tie(answer: Row) -> Tie:
    types = answer.get("associationTypes") or ()
    labels = frozenset(str(each["label"]) for each in types if each.get("label"))
    return Tie(str(answer["toObjectId"]), frozenset(int(each["typeId"]) for each in types), labels)


def _join(found: dict[str, Tie], tie: Tie) -> None:
    """Add an association; HubSpot may tell one record once for each type."""
    known = found.get(tie.to)
    found[tie.to] = tie if known is None else Tie(tie.to, known.types | tie.types, known.labels | tie.labels)
