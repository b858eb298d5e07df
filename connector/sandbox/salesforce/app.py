"""The emulated org behind the socket: login, data calls, and the control paths of a demo.

Beside what every emulator's server offers, under ``/_sandbox/``:

    GET  clock                     the org's time
    POST clock                     ``{"now": "2027-01-31T00:00:00Z"}`` or ``{"advance_seconds": 3600}``
    POST tokens/expire             end every session
    POST locks                     ``{"ids": [...]}``: the next write of each fails with UNABLE_TO_LOCK_ROW, once
    GET  records/{object}          every record of an object, deleted ones included
    POST records/{object}          insert past the API's rules; answers the id
    PATCH records/{object}/{id}    change past the API's rules, as a person in the org would
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import CONTROL_PREFIX, Request, Response, json_response
from connector.sandbox.salesforce import rules
from connector.sandbox.salesforce.api import DATA, DataApi, Quota
from connector.sandbox.salesforce.auth import ConnectedApp, TokenDesk
from connector.sandbox.salesforce.clock import Clock, parse_moment
from connector.sandbox.salesforce.ids import canonical, make_id
from connector.sandbox.salesforce.rest_collections import CollectionResource
from connector.sandbox.salesforce.rest_composite import CompositeResource
from connector.sandbox.salesforce.rest_query import QueryResource
from connector.sandbox.salesforce.rest_sobjects import SObjectResource, versions
from connector.sandbox.salesforce.schema_stripe import default_schema
from connector.sandbox.salesforce.soql_bind import find_sobject
from connector.sandbox.salesforce.store import INTEGRATION_USER, Store
from connector.sandbox.salesforce.values import stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from connector.sandbox.salesforce.store import Record

ORG_ID = make_id("00D", 1)
DataSet = "Mapping[str, Mapping[str, Mapping[str, Any]]]"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the org is set up; kept so that a reset can rebuild it."""

    records: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    now: datetime | None = None
    multi_currency: bool = True
    write_back: bool = True
    page_size: int | None = None
    api_limit: int = 100_000
    session_lifetime: timedelta = timedelta(hours=2)
    connected_app: ConnectedApp = field(default_factory=ConnectedApp)
    is_sandbox: bool = True


class SalesforceApp:
    """One org."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.instance_url = ""
        self.reset()

    def reset(self) -> None:
        """Back to the data set the org started with."""
        settings = self.settings
        self.clock = Clock(settings.now)
        schema = default_schema(multi_currency=settings.multi_currency, write_back=settings.write_back)
        self.store = Store(schema, self.clock)
        self.desk = TokenDesk(settings.connected_app, self.clock, ORG_ID, settings.session_lifetime)
        self.api = DataApi(self.store, self.desk, Quota(settings.api_limit), page_size=settings.page_size)
        for resource in (QueryResource, SObjectResource, CollectionResource, CompositeResource):
            resource(self.api).install()
        self._found_org()
        for name, rows in settings.records.items():
            sobject = find_sobject(schema, name)
            for record_id, fields in rows.items():
                self.store.load(sobject, record_id, fields)

    def _found_org(self) -> None:
        """The two records every org has: itself and the user the integration runs as."""
        settings, objects = self.settings, self.store.schema.objects
        user = {"Username": settings.connected_app.username, "LastName": "Integration", "Name": "Integration"}
        user |= {"Email": settings.connected_app.username, "IsActive": True, "UserType": "Standard"}
        self.store.load(objects["user"], INTEGRATION_USER, user)
        org = {"Name": "Emulated org", "IsSandbox": settings.is_sandbox, "OrganizationType": "Enterprise Edition"}
        org |= {"InstanceName": "SBX1", "TimeZoneSidKey": "UTC", "LanguageLocaleKey": "en_US"}
        self.store.load(objects["organization"], ORG_ID, org | {"DefaultCurrencyIsoCode": "USD"})

    # --- the emulated API ------------------------------------------------------------------------------

    def route_of(self, request: Request) -> str:
        """The route pattern of a request."""
        return self.api.route_of(request)

    def handle(self, request: Request) -> Response:
        """One request; every answer tells the org's time."""
        try:
            response = self._dispatch(request)
        except Exception as error:  # noqa: BLE001 - a bug here must reach the client as an answer, not as a hang-up
            where = traceback.extract_tb(error.__traceback__)[-1]
            message = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            response = json_response([{"message": message, "errorCode": "UNKNOWN_EXCEPTION"}], 500)
        return replace(response, headers={"Date": self.clock.http_date(), **response.headers})

    def _dispatch(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        if path == "/services/oauth2/token" and request.method == "POST":
            return self.desk.grant(request, self.instance_url)
        if path == "/services/oauth2/revoke":
            return self.desk.revoke(request)
        if path == DATA:
            return json_response(versions())
        if path.startswith(DATA + "/"):
            return self.api.handle(request)
        missing = {"message": f"the sandbox does not emulate {request.method} {path}", "errorCode": "NOT_EMULATED"}
        return json_response([missing], 501)

    # --- past the API's rules --------------------------------------------------------------------------

    def insert(self, name: str, fields: Mapping[str, Any]) -> str:
        """Add a record as the platform itself would: any column, no required ones, but the usual consequences."""
        with self.store.lock:
            sobject = find_sobject(self.store.schema, name)
            values = self._values(name, fields)
            record_id = canonical(str(fields["Id"])) if fields.get("Id") else None
            derived = rules.derive(self.store, sobject, values, values)
            record = self.store.insert(sobject, {**values, **derived}, record_id)
            rules.follow_up(self.store, sobject, record, values)
            return str(record["Id"])

    def update(self, name: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record as a person in the org would, read-only columns included."""
        with self.store.lock:
            self.save(name, self.changed(name, record_id, fields), fields)

    def changed(self, name: str, record_id: str, fields: Mapping[str, Any]) -> Record:
        """The record as an update would leave it, with its stamps, not yet saved."""
        sobject = find_sobject(self.store.schema, name)
        record = self.api.records.existing(sobject, record_id)
        values, stamp = self._values(name, fields), self.clock.stamp()
        audit = {"LastModifiedDate": stamp, "SystemModstamp": stamp}
        after = {**record, **audit, **values}
        return {**after, **rules.derive(self.store, sobject, after, values)}

    def save(self, name: str, record: Record, fields: Mapping[str, Any]) -> None:
        """Store a changed record with the consequences for others."""
        sobject = find_sobject(self.store.schema, name)
        self.store.put(sobject, record)
        rules.follow_up(self.store, sobject, record, fields)

    def _values(self, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        sobject = find_sobject(self.store.schema, name)
        self.store.schema.learn(sobject, fields)
        found = ((sobject.find(key), value) for key, value in fields.items() if key not in {"attributes", "Id"})
        return {column.name: stored(column, value) for column, value in found if column and column.type != "address"}

    # --- control ---------------------------------------------------------------------------------------

    def control(self, request: Request) -> Response | None:
        """The paths of the module's docstring."""
        match request.method, request.path.removeprefix(CONTROL_PREFIX).split("/"):
            case "GET", ["clock"]:
                return json_response({"now": self.clock.stamp()})
            case "POST", ["clock"]:
                return json_response({"now": self._move_clock(request.json())})
            case "POST", ["tokens", "expire"]:
                self.desk.expire_all()
                return json_response({"ok": True})
            case "POST", ["locks"]:
                self.api.records.locked_once.update(filter(None, map(canonical, request.json()["ids"])))
                return json_response({"ok": True})
            case "GET", ["records", name]:
                return json_response({"records": list(self.store.all(find_sobject(self.store.schema, name)))})
            case "POST", ["records", name]:
                return json_response({"id": self.insert(name, request.json())}, 201)
            case "PATCH", ["records", name, record_id]:
                self.update(name, record_id, request.json())
                return json_response({"ok": True})
        return None

    def _move_clock(self, order: Mapping[str, Any]) -> str:
        if "now" in order:
            self.clock.set(parse_moment(order["now"]))
        else:
            self.clock.advance(timedelta(seconds=float(order["advance_seconds"])))
        return self.clock.stamp()
