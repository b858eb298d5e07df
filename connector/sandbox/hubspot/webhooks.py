"""Webhooks: who subscribed to what, the events that writes cause, and their delivery (vendor's webhooks guide).

Events are delivered at least once and in no order, at most 100 to a request, signed. An answer outside 2xx, or none
within five seconds, brings them again, ten times at most; the waiting between attempts is short here. Calculated
properties and the modified moment cause no event. Only loopback addresses are called.
"""

from __future__ import annotations

import ipaddress
import json
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from connector.sandbox.hubspot.portal import PORTAL_ID
from connector.sandbox.hubspot.signature import signed_headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connector.sandbox.hubspot.clock import Clock
    from connector.sandbox.hubspot.records import Writer
    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Record

NAMED = frozenset({"contact", "company", "deal", "ticket", "product", "line_item"})
EVENTS = frozenset({"creation", "deletion", "propertyChange", "merge", "restore", "associationChange"})
MAX_BATCH, MAX_ATTEMPTS, TIMEOUT = 100, 10, 5.0
CLIENT_SECRET = "00000000-aaaa-4000-8000-client-secret"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A wish to hear of something: ``deal.propertyChange`` with a property, or ``object.creation`` with a type id."""

    id: int
    url: str
    type: str
    property: str | None = None
    object_type_id: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt; ``status`` 0 means nobody answered."""

    url: str
    events: tuple[dict[str, Any], ...]
    status: int


@dataclass(slots=True)
class Due:
    """An event on its way."""

    url: str
    event: dict[str, Any]
    at: float = 0.0


@dataclass(slots=True)
class Webhooks:
    """Subscriptions of the private app, the outbox, and what was delivered."""

    clock: Clock
    app_id: int
    secret: str = CLIENT_SECRET
    retry_seconds: float = 0.05
    twice: bool = False
    reverse: bool = False
    same_event_id: bool = False
    subscriptions: list[Subscription] = field(default_factory=list)
    outbox: list[Due] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wake: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _stopped: bool = False

    # --- subscriptions -------------------------------------------------------------------------------------

    def subscribe(
        self, url: str, kind: str, prop: str | None = None, object_type_id: str | None = None
    ) -> Subscription:
        """Add a subscription; raises ValueError for what the service has no subscription for."""
        host = urlsplit(url).hostname or ""
        if host != "localhost" and not _is_loopback(host):
            message = f"the emulator calls loopback addresses only, not {url}"
            raise ValueError(message)
        name, _, event = kind.partition(".")
        if event not in EVENTS or name not in NAMED | {"object"} or kind == "product.associationChange":
            message = f"there is no subscription type {kind}"
            raise ValueError(message)
        if name == "object" and not object_type_id:
            message = f"{kind} needs an object type id"
            raise ValueError(message)
        made = Subscription(next(self.numbers), url, kind, prop, object_type_id)
        self.subscriptions.append(made)
        return made

    # --- events --------------------------------------------------------------------------------------------

    def listen(self, kind: ObjectType, record: Record, event: str, detail: Mapping[str, Any]) -> None:
        """Put the events of a write into the outbox."""
        for subscription in self.subscriptions:
            if _wants(subscription, kind, event, detail):
                body = self._event(subscription, kind, record, event, detail)
                with self._lock:
                    self.outbox.append(Due(subscription.url, body))
        self._wake.set()

    def _event(
        self, subscription: Subscription, kind: ObjectType, record: Record, event: str, detail: Mapping[str, Any]
    ) -> dict[str, Any]:
        by: Writer = detail["by"]
        answer: dict[str, Any] = {
            "eventId": 1 if self.same_event_id else next(self.numbers),
            "subscriptionId": subscription.id,
            "portalId": PORTAL_ID,
            "appId": self.app_id,
            "occurredAt": self.clock.ms(),
            "subscriptionType": subscription.type,
            "attemptNumber": 0,
            "objectId": int(record.id),
            "changeSource": by.source,
            "sourceId": by.source_id or "userId:70316842",
        }
        if subscription.object_type_id:
            answer["objectTypeId"] = kind.type_id
        return answer | _DETAILS[event](detail, record)

    # --- delivery ------------------------------------------------------------------------------------------

    def deliver(self) -> list[Delivery]:
        """Attempt everything that is due now, once; what fails stays in the outbox until its attempts are used up."""
        with self._lock:
            now = time.monotonic()
            due = [each for each in self.outbox if each.at <= now]
            self.outbox = [each for each in self.outbox if each.at > now]
        if self.reverse:
            due.reverse()
        made: list[Delivery] = []
        for url in dict.fromkeys(each.url for each in due):
            rows = [each for each in due if each.url == url]
            for start in range(0, len(rows), MAX_BATCH):
                made += self._attempt(url, rows[start : start + MAX_BATCH])
        self.deliveries += made
        return made

    def _attempt(self, url: str, rows: list[Due]) -> Iterator[Delivery]:
        events = [each.event for each in rows]
        status = self._post(url, events)
        yield Delivery(url, tuple(dict(event) for event in events), status)
        if self.twice and 200 <= status < 300:
            yield Delivery(url, tuple(dict(event) for event in events), self._post(url, events))
        if 200 <= status < 300:
            return
        for each in rows:
            attempt = each.event["attemptNumber"] + 1
            if attempt <= MAX_ATTEMPTS:
                again = {**each.event, "attemptNumber": attempt}
                with self._lock:
                    self.outbox.append(Due(url, again, time.monotonic() + self.retry_seconds * attempt))

    def _post(self, url: str, events: list[dict[str, Any]]) -> int:
        body = json.dumps(events, separators=(",", ":")).encode()
        headers = signed_headers(self.secret, "POST", url, body, self.clock.ms())
        headers["Content-Type"] = "application/json"
        try:
            return requests.post(url, data=body, headers=headers, timeout=TIMEOUT).status_code
        except requests.RequestException:
            return 0

    # --- in the background -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Deliver from a thread of its own from now on."""
        if self._thread is None:
            self._stopped = False
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop delivering."""
        if self._thread is not None:
            self._stopped = True
            self._wake.set()
            self._thread.join(timeout=2 * TIMEOUT)
            self._thread = None

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(timeout=self.retry_seconds)
            self._wake.clear()
            if not self._stopped:
                self.deliver()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wants(subscription: Subscription, kind: ObjectType, event: str, detail: Mapping[str, Any]) -> bool:
    name, _, wanted = subscription.type.partition(".")
    if wanted != event or (subscription.property and subscription.property != detail.get("name")):
        return False
    if name == "object":
        return subscription.object_type_id == kind.type_id
    return name == kind.singular


def _of_property(detail: Mapping[str, Any], _: Record) -> dict[str, Any]:
    return {"propertyName": detail["name"], "propertyValue": detail["value"]}


def _of_merge(detail: Mapping[str, Any], record: Record) -> dict[str, Any]:
    merged = [int(each) for each in detail["merged"]]
    answer: dict[str, Any] = {"primaryObjectId": int(detail["primary"]), "mergedObjectIds": merged}
    return answer | {"newObjectId": int(record.id), "numberOfPropertiesMoved": detail["moved"]}


def _of_association(detail: Mapping[str, Any], _: Record) -> dict[str, Any]:
    answer: dict[str, Any] = {"associationType": detail["type"], "associationRemoved": detail["removed"]}
    answer |= {"fromObjectId": int(detail["from"]), "toObjectId": int(detail["to"])}
    return answer | {"isPrimaryAssociation": False}


_DETAILS = {
    "creation": lambda _, __: {"changeFlag": "CREATED"},
    "deletion": lambda _, __: {"changeFlag": "DELETED"},
    "restore": lambda _, __: {"changeFlag": "RESTORED"},
    "propertyChange": _of_property,
    "merge": _of_merge,
    "associationChange": _of_association,
}
