"""A stateful Salesforce org with CPQ on loopback: the REST API as far as it is emulated, beyond it a clear 501.

with SalesforceSandbox(records=seed(today)) as org:
    org.url               # what a client connects to
    org.records("Order")  # what the org holds
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from connector.sandbox.http import FaultRule, RequestRecord, SandboxServer
from connector.sandbox.salesforce.app import ORG_ID, SalesforceApp, Settings
from connector.sandbox.salesforce.auth import ConnectedApp, make_key_pair
from connector.sandbox.salesforce.contracting import amend, contract, terminate
from connector.sandbox.salesforce.renewing import renew

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from connector.sandbox.salesforce.clock import Clock

__all__ = ["ORG_ID", "ConnectedApp", "FaultRule", "SalesforceSandbox", "make_key_pair"]


class SalesforceSandbox:
    """One emulated org on a port of its own."""

    def __init__(
        self,
        *,
        port: int = 0,
        records: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
        now: datetime | None = None,
        multi_currency: bool = True,
        write_back: bool = True,
        page_size: int | None = None,
        api_limit: int = 100_000,
        session_lifetime: timedelta = timedelta(hours=2),
        connected_app: ConnectedApp | None = None,
        instance_url: str | None = None,
        is_sandbox: bool = True,
    ) -> None:
        """Set up an org that holds ``records`` (object, then id, then fields).

        ``now`` freezes its clock; ``write_back=False`` is an org in which the connector's fields are yet to be created;
        ``page_size`` makes query pages smaller than the API's 200 to 2,000; ``instance_url`` is what tokens name as
        the org's address, the emulator's own when left out.
        """
        settings = Settings(
            records=records or {},
            now=now,
            multi_currency=multi_currency,
            write_back=write_back,
            page_size=page_size,
            api_limit=api_limit,
            session_lifetime=session_lifetime,
            connected_app=connected_app or ConnectedApp(),
            is_sandbox=is_sandbox,
        )
        self.app = SalesforceApp(settings)
        self._server = SandboxServer(self.app, port=port)
        self._instance_url = instance_url

    # --- life ------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen."""
        self._server.start()
        self.app.instance_url = self._instance_url or self.url
        return self

    def stop(self) -> None:
        """Close the port."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return self._server.url

    @property
    def connected_app(self) -> ConnectedApp:
        """What a client needs to log in."""
        return self.app.settings.connected_app

    def reset(self) -> None:
        """Back to the first data set, with an empty log and no faults."""
        self._server.reset()

    # --- what the org holds ----------------------------------------------------------------------------

    def records(self, sobject: str, *, with_deleted: bool = False) -> dict[str, dict[str, Any]]:
        """Return the records of an object by id; empty columns are left out."""
        return self.app.backdoor.records(sobject, with_deleted=with_deleted)

    def insert(self, sobject: str, fields: Mapping[str, Any]) -> str:
        """Add a record past the API's rules."""
        return self.app.backdoor.insert(sobject, fields)

    def update(self, sobject: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record past the API's rules, with new stamps."""
        self.app.backdoor.update(sobject, record_id, fields)

    def delete(self, sobject: str, record_id: str) -> None:
        """Move a record to the recycle bin."""
        self.app.backdoor.delete(sobject, record_id)

    def contract(self, order_id: str) -> str:
        """Contract an order as CPQ does, unless it was; returns the contract's id."""
        with self.app.store.lock:
            return contract(self.app.backdoor, order_id)

    def amend(self, order_id: str, start: date, quantities: Mapping[str, int | str]) -> str:
        """Sell new quantities of an order's lines (by line id) from a day on; returns the amendment order's id."""
        with self.app.store.lock:
            return amend(self.app.backdoor, order_id, start, quantities)

    def renew(self, order_id: str, *, months: int | None = None, uplift: str = "0") -> str:
        """Renew an order's contract after its end, at prices raised by some percent; returns the renewal order's id."""
        with self.app.store.lock:
            return renew(self.app.backdoor, order_id, months=months, uplift=uplift)

    def terminate(self, order_id: str, day: date) -> str:
        """End everything that still runs on a day; returns the amendment order's id."""
        with self.app.store.lock:
            return terminate(self.app.backdoor, order_id, day)

    def add_field(self, sobject: str, line: str) -> None:
        """Create a field in the notation of the schema tables, such as ``"Region__c string:40"``."""
        self.app.store.schema.add_field(sobject, line)

    def remove_field(self, sobject: str, name: str) -> None:
        """Delete a field, or hide it from the integration user: the API shows no difference."""
        self.app.store.schema.remove_field(sobject, name)

    # --- what happened ---------------------------------------------------------------------------------

    @property
    def log(self) -> list[RequestRecord]:
        """All requests so far."""
        return self._server.log

    @property
    def counters(self) -> dict[tuple[str, str], int]:
        """Requests by (method, route)."""
        return self._server.counters

    @property
    def state(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Everything the org holds, by object and id."""
        return {o.name: rows for o in self.app.store.schema.objects.values() if (rows := self.records(o.name))}

    # --- time and trouble ------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The org's clock."""
        return self.app.clock

    def inject(self, *rules: FaultRule | Mapping[str, Any]) -> None:
        """Arm faults of the HTTP kind."""
        self._server.inject(*rules)

    def clear_faults(self) -> None:
        """Disarm them."""
        self._server.clear_faults()

    def expire_tokens(self) -> None:
        """End every session: the next data call gets INVALID_SESSION_ID."""
        self.app.desk.expire_all()

    def lock_rows_once(self, *record_ids: str) -> None:
        """Let the next write of each record fail with UNABLE_TO_LOCK_ROW."""
        self.app.backdoor.lock_once(*record_ids)

    def update_late(self, sobject: str, record_id: str, fields: Mapping[str, Any], *, visible_in: timedelta) -> None:
        """Change a record in a slow transaction: stamped now, seen by nobody until the clock has moved on."""
        self.app.backdoor.update_late(sobject, record_id, fields, visible_in)
