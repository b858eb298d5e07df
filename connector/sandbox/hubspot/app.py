"""The emulated portal behind the socket: its schema, records, clock and tokens, built anew by every reset."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Request, Response, Router, json_response
from connector.sandbox.hubspot.api import Api
from connector.sandbox.hubspot.backdoor import Backdoor
from connector.sandbox.hubspot.clock import Clock
from connector.sandbox.hubspot.consequences import Consequences
from connector.sandbox.hubspot.control import control
from connector.sandbox.hubspot.convention import set_up
from connector.sandbox.hubspot.errors import correlation_id
from connector.sandbox.hubspot.limits import LimitBook, Limits
from connector.sandbox.hubspot.linking import Linking
from connector.sandbox.hubspot.links import Links
from connector.sandbox.hubspot.portal import Portal
from connector.sandbox.hubspot.records import Records
from connector.sandbox.hubspot.rest_account import AccountResource
from connector.sandbox.hubspot.rest_associations import AssociationResource
from connector.sandbox.hubspot.rest_batch import BatchResource
from connector.sandbox.hubspot.rest_groups import GroupResource
from connector.sandbox.hubspot.rest_labels import LabelResource
from connector.sandbox.hubspot.rest_objects import ObjectResource
from connector.sandbox.hubspot.rest_properties import PropertyResource
from connector.sandbox.hubspot.rest_search import SearchResource
from connector.sandbox.hubspot.store import Store
from connector.sandbox.hubspot.tokens import Token, TokenDesk
from connector.sandbox.hubspot.types import default_schema
from connector.sandbox.hubspot.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

PRIVATE_APP = Token("pat-na1-00000000-0000-4000-8000-000000000001", app_id=3_810_442)
SERVICE_KEY = Token("pat-na1-00000000-0000-4000-8000-000000000002", kind="service_key", app_id=3_810_443)
_RESOURCES = (
    BatchResource,
    SearchResource,
    AssociationResource,
    ObjectResource,
    LabelResource,
    GroupResource,
    PropertyResource,
    AccountResource,
)


@dataclass(frozen=True, slots=True)
class Association:
    """Two records that belong together; ``type_id`` none is the unlabelled type, negative one of the account's own."""

    source: str
    source_id: str
    target: str
    target_id: str
    type_id: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How the portal is set up; kept so that a reset can rebuild it."""

    records: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    associations: Sequence[Association] = ()
    now: datetime | None = None
    tokens: tuple[Token, ...] = (PRIVATE_APP, SERVICE_KEY)
    limits: Limits | None = None
    lag: tuple[float, float] = (0.0, 0.0)
    billing_sync: bool = True
    prefix: str = "bsync_"
    portal: Mapping[str, Any] = field(default_factory=dict)
    inline_cap: int = 100
    association_page: int = 500
    whole_batches: bool = False
    repeated_rows: int = 0


class HubSpotApp:
    """One portal."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.webhooks = Webhooks(Clock(settings.now), PRIVATE_APP.app_id)
        self.reset()

    def reset(self) -> None:
        """Back to the data set the portal started with, without subscriptions."""
        settings = self.settings
        self.clock = Clock(settings.now)
        self.portal = Portal(**settings.portal)
        self.links = Links()
        store = Store(default_schema(), self.clock)
        if settings.billing_sync:
            set_up(store.schema, self.links, settings.prefix)
        self.desk = TokenDesk(self.clock)
        for token in settings.tokens:
            self.desk.add(token)
        self.limits = LimitBook(self.clock, self.portal, settings.limits)
        records = Records(store, self.portal, Consequences(store, self.links, self.portal))
        self.api = Api(
            store,
            self.links,
            self.portal,
            records,
            self.desk,
            self.limits,
            Router(),
            inline_cap=settings.inline_cap,
            association_page=settings.association_page,
            whole_batches=settings.whole_batches,
            repeated_rows=settings.repeated_rows,
        )
        for resource in _RESOURCES:
            resource(self.api).install()
        self.backdoor = Backdoor(self.api, Linking(self.api))
        self._load()
        store.lag = settings.lag
        self.webhooks.stop()
        self.webhooks = Webhooks(self.clock, PRIVATE_APP.app_id)
        records.listeners.append(self.webhooks.listen)

    def _load(self) -> None:
        for name, rows in self.settings.records.items():
            for record_id, values in rows.items():
                self.backdoor.insert(name, {**values, "hs_object_id": record_id})
        for each in self.settings.associations:
            self.backdoor.associate(each.source, each.source_id, each.target, each.target_id, each.type_id)

    # --- the emulated API ------------------------------------------------------------------------------

    def route_of(self, request: Request) -> str:
        """Return the route of a request, the same for every version of the API."""
        return self.api.route_of(request)

    def handle(self, request: Request) -> Response:
        """One request; every answer tells the portal's time."""
        try:
            response = self.api.handle(request)
        except Exception as error:  # noqa: BLE001 - a bug here must reach the client as an answer, not as a hang-up
            where = traceback.extract_tb(error.__traceback__)[-1]
            message = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            body = {"status": "error", "message": message, "correlationId": correlation_id(), "category": "EMULATOR"}
            response = json_response(body, 500)
        return replace(response, headers={"Date": self.clock.http_date(), **response.headers})

    def control(self, request: Request) -> Response | None:
        """Answer the control paths."""
        return control(self, request)
