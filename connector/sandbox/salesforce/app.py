"""The emulated org behind the socket: its schema, records, clock and sessions, built anew by every reset."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Request, Response, json_response
from connector.sandbox.salesforce.api import DATA, DataApi, Quota
from connector.sandbox.salesforce.auth import ConnectedApp, TokenDesk
from connector.sandbox.salesforce.backdoor import Backdoor
from connector.sandbox.salesforce.clock import Clock
from connector.sandbox.salesforce.control import control
from connector.sandbox.salesforce.ids import make_id
from connector.sandbox.salesforce.rest_collections import CollectionResource
from connector.sandbox.salesforce.rest_composite import CompositeResource
from connector.sandbox.salesforce.rest_metadata import MetadataResource
from connector.sandbox.salesforce.rest_query import QueryResource
from connector.sandbox.salesforce.rest_sobjects import SObjectResource, versions
from connector.sandbox.salesforce.schema_stripe import default_schema
from connector.sandbox.salesforce.store import INTEGRATION_USER, Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ORG_ID = make_id("00D", 1)


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
        self.backdoor = Backdoor(self.store, self.api.records)
        for resource in (QueryResource, SObjectResource, CollectionResource, CompositeResource, MetadataResource):
            resource(self.api).install()
        self._found_org()
        for name, rows in settings.records.items():
            sobject = schema.find(name) or schema.add_object(name, next(iter(rows), "")[:3])
            for record_id, fields in rows.items():
                self.store.load(sobject, record_id, fields)

    def _found_org(self) -> None:
        """Add the two records every org has: itself and the user the integration runs as."""
        settings, objects = self.settings, self.store.schema.objects
        user: dict[str, Any] = {"Username": settings.connected_app.username, "LastName": "Integration"}
        user |= {"Name": "Integration"}
        user |= {"Email": settings.connected_app.username, "IsActive": True, "UserType": "Standard"}
        self.store.load(objects["user"], INTEGRATION_USER, user)
        org: dict[str, Any] = {
            "Name": "Emulated org",
            "IsSandbox": settings.is_sandbox,
            "OrganizationType": "Enterprise Edition",
        }
        org |= {"InstanceName": "SBX1", "TimeZoneSidKey": "UTC", "LanguageLocaleKey": "en_US"}
        self.store.load(objects["organization"], ORG_ID, org | {"DefaultCurrencyIsoCode": "USD"})

    # --- the emulated API ------------------------------------------------------------------------------

    def route_of(self, request: Request) -> str:
        """Return the route pattern of a request."""
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

    def control(self, request: Request) -> Response | None:
        """Answer the control paths."""
        return control(self, request)
