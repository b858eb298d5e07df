"""A stateful HubSpot portal on loopback: the CRM API as far as it is emulated, beyond it a clear 501.

with HubSpotSandbox() as portal:
    portal.url              # what a client connects to
    portal.token            # its bearer token
    portal.records("deals") # what the portal holds
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from connector.sandbox.http import FaultRule, RequestRecord, SandboxServer
from connector.sandbox.hubspot.app import PRIVATE_APP, SERVICE_KEY, Association, HubSpotApp, Settings
from connector.sandbox.hubspot.limits import Limits, rate_limit_body
from connector.sandbox.hubspot.portal import PORTAL_ID, Rule
from connector.sandbox.hubspot.quoting import accept, publish
from connector.sandbox.hubspot.tokens import ALL_SCOPES, Token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from connector.sandbox.hubspot.clock import Clock
    from connector.sandbox.hubspot.webhooks import Webhooks

__all__ = [
    "ALL_SCOPES",
    "PORTAL_ID",
    "PRIVATE_APP",
    "SERVICE_KEY",
    "Association",
    "FaultRule",
    "HubSpotSandbox",
    "Limits",
    "Rule",
    "Token",
    "rate_limit_body",
]


class HubSpotSandbox:
    """One emulated portal on a port of its own."""

    def __init__(
        self,
        *,
        port: int = 0,
        records: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
        associations: Sequence[Association] = (),
        now: datetime | None = None,
        limits: Limits | None = None,
        lag: tuple[float, float] = (0.0, 0.0),
        billing_sync: bool = True,
        prefix: str = "bsync_",
        portal: Mapping[str, Any] | None = None,
        inline_cap: int = 100,
        association_page: int = 500,
        whole_batches: bool = False,
        repeated_rows: int = 0,
    ) -> None:
        """Set up a portal that holds ``records`` (type, then id, then values) with their ``associations``.

        ``now`` freezes its clock; ``limits`` turns refusals for too many calls on; ``lag`` is how many seconds (from,
        to) search is behind; ``billing_sync=False`` is a portal in which setup is yet to run; ``portal`` sets the
        account (see ``portal.Portal``); ``inline_cap`` and ``association_page`` make answers page sooner;
        ``whole_batches`` lets one wrong value refuse a whole batch update; ``repeated_rows`` is how many rows of a list
        page are shown again on the next one.
        """
        settings = Settings(
            records=records or {},
            associations=associations,
            now=now,
            limits=limits,
            lag=lag,
            billing_sync=billing_sync,
            prefix=prefix,
            portal=portal or {},
            inline_cap=inline_cap,
            association_page=association_page,
            whole_batches=whole_batches,
            repeated_rows=repeated_rows,
        )
        self.app = HubSpotApp(settings)
        self._server = SandboxServer(self.app, port=port)

    # --- life ------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Close the port."""
        self.app.webhooks.stop()
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
    def token(self) -> str:
        """A private app's token with every scope; ``SERVICE_KEY.value`` is a service key's."""
        return PRIVATE_APP.value

    def reset(self) -> None:
        """Back to the first data set, with an empty log and no faults."""
        self._server.reset()

    # --- what the portal holds -------------------------------------------------------------------------

    def records(self, name: str, *, with_archived: bool = False) -> dict[str, dict[str, str]]:
        """Return the records of a type by id; empty properties are left out."""
        return self.app.backdoor.records(name, with_archived=with_archived)

    def associated(self, source: str, source_id: str, target: str) -> list[str]:
        """Return the ids a record is associated with."""
        return self.app.backdoor.associated(source, source_id, target)

    def insert(self, name: str, values: Mapping[str, Any]) -> str:
        """Add a record past the API's rules; ``hs_object_id`` among the values is its id."""
        return self.app.backdoor.insert(name, values)

    def update(self, name: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Change a record past the API's rules, as a person in the browser."""
        self.app.backdoor.update(name, record_id, values)

    def archive(self, name: str, record_id: str) -> None:
        """Archive a record."""
        self.app.backdoor.archive(name, record_id)

    def restore(self, name: str, record_id: str) -> None:
        """Bring an archived record back."""
        self.app.backdoor.restore(name, record_id)

    def merge(self, name: str, primary_id: str, other_id: str) -> str:
        """Merge two records; returns the id of the record they became."""
        return self.app.backdoor.merge(name, primary_id, other_id)

    def associate(self, source: str, source_id: str, target: str, target_id: str, type_id: int | None = None) -> None:
        """Associate two records; a negative ``type_id`` is a label of the account's own."""
        self.app.backdoor.associate(source, source_id, target, target_id, type_id)

    def dissociate(self, source: str, source_id: str, target: str, target_id: str) -> None:
        """Separate two records."""
        self.app.backdoor.dissociate(source, source_id, target, target_id)

    def publish_quote(self, quote_id: str) -> list[str]:
        """Publish a quote as a rep does; returns the ids of the lines its deals were given."""
        return publish(self.app.backdoor, quote_id)

    def accept_quote(self, quote_id: str) -> None:
        """Let the buyer accept a published quote."""
        accept(self.app.backdoor, quote_id)

    def add_property(self, name: str, line: str) -> None:
        """Define a property in the notation of the tables, such as ``add_property("deals", "region text")``."""
        self.app.backdoor.add_property(name, line)

    def remove_property(self, name: str, prop: str) -> None:
        """Take a property away, HubSpot's own too: an account in which it never was."""
        self.app.backdoor.remove_property(name, prop)

    # --- what happened ---------------------------------------------------------------------------------

    @property
    def log(self) -> list[RequestRecord]:
        """All requests so far."""
        return self._server.log

    @property
    def counters(self) -> dict[tuple[str, str], int]:
        """Requests by (method, route), such as ``("POST", "/objects/deals/search")`` for every version."""
        return self._server.counters

    @property
    def webhooks(self) -> Webhooks:
        """Subscriptions, outbox and deliveries; ``deliver()`` sends what is due, ``start()`` does so unasked."""
        return self.app.webhooks

    # --- time and trouble ------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The portal's clock."""
        return self.app.clock

    def set_lag(self, low: float, high: float | None = None) -> None:
        """Let search be behind by so many seconds of the portal's clock."""
        self.app.api.store.lag = (low, low if high is None else high)

    def add_token(self, token: Token) -> None:
        """Make a token good."""
        self.app.desk.add(token)

    def revoke_tokens(self) -> None:
        """End every token: the next call is answered 401."""
        self.app.desk.revoke_all()

    def add_rule(self, rule: Rule) -> None:
        """Let the account's admins make a rule that writes have to pass."""
        self.app.portal.rules.append(rule)

    def exhaust(self, policy: str) -> None:
        """Use up a budget (TEN_SECONDLY_ROLLING, SECONDLY, DAILY), as a neighbour app would."""
        self.app.limits.exhaust(policy)

    def lock_once(self, *record_ids: str) -> None:
        """Let the next write of each record fail with 423."""
        self.app.backdoor.lock_once(*record_ids)

    def inject(self, *rules: FaultRule | Mapping[str, Any]) -> None:
        """Arm faults of the HTTP kind."""
        self._server.inject(*rules)

    def clear_faults(self) -> None:
        """Disarm them."""
        self._server.clear_faults()
