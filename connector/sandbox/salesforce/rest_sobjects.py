"""Single records, describes, changes since a time, and the small resources around them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.salesforce.api import DATA, NEWEST_VERSION, OLDEST_VERSION
from connector.sandbox.salesforce.clock import format_moment, parse_moment
from connector.sandbox.salesforce.describe import describe_global, describe_sobject, summary
from connector.sandbox.salesforce.errors import ApiError, not_found
from connector.sandbox.salesforce.ids import canonical, make_id
from connector.sandbox.salesforce.soql_bind import no_such_column
from connector.sandbox.salesforce.store import INTEGRATION_USER
from connector.sandbox.salesforce.values import shown

if TYPE_CHECKING:
    from datetime import datetime

    from connector.sandbox.salesforce.api import Call, DataApi
    from connector.sandbox.salesforce.schema import SObject
    from connector.sandbox.salesforce.store import Record

LOOK_BACK = timedelta(days=30)
RECYCLE_BIN = timedelta(days=15)
RESOURCES = ("composite", "limits", "query", "queryAll", "sobjects")


class SObjectResource:
    """The sobjects endpoints."""

    def __init__(self, api: DataApi) -> None:
        self.api = api

    def install(self) -> None:
        """Add the routes; the longer fixed endings come before the patterns that would swallow them."""
        add = self.api.add
        add("GET", "", lambda call: json_response(resources(call.version)))
        add("GET", "/limits", self.limits)
        add("GET", "/sobjects", lambda call: json_response(describe_global(self.api.store.schema, call.version)))
        add("GET", "/sobjects/{sobject}", self.basic)
        add("POST", "/sobjects/{sobject}", self.create)
        add("GET", "/sobjects/{sobject}/describe", self.describe)
        add("GET", "/sobjects/{sobject}/updated", self.updated)
        add("GET", "/sobjects/{sobject}/deleted", self.deleted)
        add("GET", "/sobjects/{sobject}/{id}", self.read)
        add("PATCH", "/sobjects/{sobject}/{id}", self.update)
        add("DELETE", "/sobjects/{sobject}/{id}", self.delete)
        add("GET", "/sobjects/{sobject}/{field}/{value}", self.read_external)
        add("PATCH", "/sobjects/{sobject}/{field}/{value}", self.upsert)
        add("DELETE", "/sobjects/{sobject}/{field}/{value}", self.delete_external)

    # --- records ---------------------------------------------------------------------------------------

    def create(self, call: Call) -> Response:
        """POST sobjects/{object}: 201."""
        record_id = self.api.records.create(self.api.sobject(call), call.fields())
        return json_response({"id": record_id, "success": True, "errors": []}, 201)

    def read(self, call: Call) -> Response:
        """GET sobjects/{object}/{id}."""
        sobject = self.api.sobject(call)
        record = self.api.records.existing(sobject, call.variables["id"])
        return json_response(self._shown(call, sobject, record))

    def update(self, call: Call) -> Response:
        """PATCH sobjects/{object}/{id}: 204 without a body."""
        self.api.records.update(self.api.sobject(call), call.variables["id"], call.fields())
        return Response(204)

    def delete(self, call: Call) -> Response:
        """DELETE sobjects/{object}/{id}: 204."""
        self.api.records.delete(self.api.sobject(call), call.variables["id"])
        return Response(204)

    def read_external(self, call: Call) -> Response:
        """GET sobjects/{object}/{field}/{value}."""
        sobject = self.api.sobject(call)
        return json_response(self._shown(call, sobject, self._external(call, sobject)))

    def upsert(self, call: Call) -> Response:
        """PATCH sobjects/{object}/{field}/{value}: 201 when created, 200 when changed (recorded traffic)."""
        field, value = call.variables["field"], call.variables["value"]
        record_id, created = self.api.records.upsert(self.api.sobject(call), field, value, call.fields())
        answer = {"id": record_id, "success": True, "errors": [], "created": created}
        return json_response(answer, 201 if created else 200)

    def delete_external(self, call: Call) -> Response:
        """DELETE sobjects/{object}/{field}/{value}."""
        sobject = self.api.sobject(call)
        self.api.records.delete(sobject, self._external(call, sobject)["Id"])
        return Response(204)

    def _external(self, call: Call, sobject: SObject) -> Record:
        column = self.api.records.external_field(sobject, call.variables["field"])
        found = self.api.records.by_external_id(sobject, column, call.variables["value"])
        if not found:
            raise not_found()
        return self.api.records.existing(sobject, found[0])

    def _shown(self, call: Call, sobject: SObject, record: Record) -> dict[str, Any]:
        names = [name.strip() for name in call.param("fields").split(",") if name.strip()]
        return show_record(call.version, sobject, record, names)

    # --- what there is ---------------------------------------------------------------------------------

    def basic(self, call: Call) -> Response:
        """GET sobjects/{object}: a summary and recently used records, of which there are none."""
        sobject = self.api.sobject(call)
        return json_response({"objectDescribe": summary(sobject, call.version), "recentItems": []})

    def describe(self, call: Call) -> Response:
        """GET sobjects/{object}/describe."""
        return json_response(describe_sobject(self.api.store.schema, self.api.sobject(call), call.version))

    def limits(self, _: Call) -> Response:
        """GET limits, reduced to what a polling client watches."""
        quota = self.api.quota
        left = {"Max": quota.limit, "Remaining": quota.limit - quota.used}
        return json_response({"DailyApiRequests": left, "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000}})

    # --- changes ---------------------------------------------------------------------------------------

    def updated(self, call: Call) -> Response:
        """GET updated: ids saved in a window, and up to when that answer is certain.

        Transactions still open hold the certainty back, which is why a poller may trust it.
        """
        sobject, (start, end) = self.api.sobject(call), self._window(call)
        found = self.api.store.stamped(sobject, format_moment(start), format_moment(end))
        ids = [record["Id"] for record in found if not record["IsDeleted"]]
        return json_response({"ids": ids, "latestDateCovered": self._covered(end)})

    def deleted(self, call: Call) -> Response:
        """GET deleted: what went into the recycle bin in a window."""
        sobject, (start, end) = self.api.sobject(call), self._window(call)
        found = self.api.store.stamped(sobject, format_moment(start), format_moment(end))
        gone = [{"id": r["Id"], "deletedDate": r["SystemModstamp"]} for r in found if r["IsDeleted"]]
        earliest = format_moment(self.api.store.clock.now() - RECYCLE_BIN)
        answer = {"deletedRecords": gone, "earliestDateAvailable": earliest, "latestDateCovered": self._covered(end)}
        return json_response(answer)

    def _window(self, call: Call) -> tuple[datetime, datetime]:
        try:
            # seconds are ignored, as the vendor's page on these calls says
            start, end = (parse_moment(call.param(name)).replace(second=0, microsecond=0) for name in ("start", "end"))
        except ValueError:
            raise ApiError("INVALID_REPLICATION_DATE", "start and end must be ISO 8601 timestamps") from None
        if start >= end:
            raise ApiError("INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
        if start < self.api.store.clock.now() - LOOK_BACK:
            raise ApiError("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
        return start, end

    def _covered(self, end: datetime) -> str:
        open_stamps: list[str] = [commit.record["SystemModstamp"] for commit in self.api.store.pending]
        return min([format_moment(end), self.api.store.clock.stamp(), *open_stamps])


def show_record(version: str, sobject: SObject, record: Record, names: list[str]) -> dict[str, Any]:
    """Return a record as the single-record resources show it: all columns, or those asked for."""
    columns = list(sobject.fields.values())
    if names:
        found = [(name, sobject.find(name)) for name in dict.fromkeys(["Id", *names])]
        unknown = [name for name, column in found if column is None]
        if unknown:
            raise no_such_column(unknown[0], sobject)
        columns = [column for _, column in found if column is not None]
    url = f"{DATA}/v{version}/sobjects/{sobject.name}/{record['Id']}"
    row: dict[str, Any] = {"attributes": {"type": sobject.name, "url": url}}
    return row | {column.name: shown(column, record) for column in columns}


def resources(version: str) -> dict[str, str]:
    """GET /services/data/vNN.0: the version's resources, and who asks (vendor's page on resources by version)."""
    known = {name: f"{DATA}/v{version}/{name}" for name in RESOURCES}
    return {**known, "identity": f"https://login.salesforce.com/id/{make_id('00D', 1)}/{INTEGRATION_USER}"}


def versions() -> list[dict[str, str]]:
    """GET /services/data, open to everyone."""
    numbers = range(OLDEST_VERSION, NEWEST_VERSION + 1)
    return [{"label": f"Release {n}", "url": f"{DATA}/v{n}.0", "version": f"{n}.0"} for n in numbers]


def known_id(record_id: str) -> str:
    """Return an id from a parameter in canonical form."""
    found = canonical(record_id)
    if found is None:
        raise ApiError("MALFORMED_ID", f"malformed id {record_id}")
    return found
