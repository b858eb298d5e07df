"""Webhooks: what causes one, how it is signed, what happens when nobody takes it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.hubspot.signature import v3
from connector.sandbox.hubspot.webhooks import CLIENT_SECRET, MAX_ATTEMPTS
from tests.sandbox.hubspot_portal import Portal, check


class Receiver:
    """Keeps what it is sent, and answers with the next of `statuses`, then 204."""

    def __init__(self):
        self.statuses: list[int] = []
        self.received: list[tuple[dict[str, str], bytes, str]] = []
        receiver = self

        class Inbox(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body, self.path))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Inbox)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hooks?a=%2Fb"

    @property
    def events(self):
        return [event for _, body, _ in self.received for event in json.loads(body)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def sandbox():
    with HubSpotSandbox() as made:
        made.webhooks.retry_seconds = 0.0
        yield made


@pytest.fixture
def portal(sandbox):
    return Portal(sandbox)


def subscribe(sandbox, receiver, *kinds):
    for kind in kinds:
        sandbox.webhooks.subscribe(receiver.url, kind)


def deal(portal, **values):
    body = {"properties": {"dealname": "D", "dealstage": "contractsent", **values}}
    return portal.post("/objects/deals", body)["id"]


def test_the_life_of_a_deal(sandbox, portal, receiver):
    kinds = ("creation", "propertyChange", "associationChange", "merge", "deletion", "restore")
    subscribe(sandbox, receiver, *(f"deal.{kind}" for kind in kinds))
    first, second = deal(portal), deal(portal)
    company = portal.post("/objects/companies", {"properties": {"name": "C"}})["id"]
    portal.ok("PATCH", f"/objects/deals/{first}", {"properties": {"dealstage": "closedwon", "dealname": "D"}})
    portal.ok("PUT", f"/objects/deals/{first}/associations/default/companies/{company}")
    portal.ok("DELETE", f"/objects/deals/{second}")
    sandbox.restore("deals", second)
    made = portal.post("/objects/deals/merge", {"primaryObjectId": first, "objectIdToMerge": second})["id"]
    sandbox.webhooks.deliver()
    check("wire-extras.schema.json", "WebhookBatch", receiver.events)
    assert [event["subscriptionType"].partition(".")[2] for event in receiver.events] == [
        "creation",
        "creation",
        "propertyChange",
        "associationChange",
        "deletion",
        "restore",
        "merge",
    ]
    change, tie, merge = receiver.events[2], receiver.events[3], receiver.events[-1]
    assert (change["propertyName"], change["propertyValue"]) == ("dealstage", "closedwon")
    assert (tie["associationType"], tie["toObjectId"]) == ("DEAL_TO_COMPANY", int(company))
    assert merge["newObjectId"] == int(made)
    assert merge["mergedObjectIds"] == [int(first), int(second)]


def test_signatures(sandbox, portal, receiver):
    subscribe(sandbox, receiver, "deal.creation")
    deal(portal)
    sandbox.webhooks.deliver()
    ((headers, body, _),) = receiver.received
    stamp = headers["X-HubSpot-Request-Timestamp"]
    url = receiver.url.replace("%2F", "/")
    message = f"POST{url}".encode() + body + stamp.encode()
    wanted = base64.b64encode(hmac.new(CLIENT_SECRET.encode(), message, hashlib.sha256).digest()).decode()
    assert headers["X-HubSpot-Signature-v3"] == wanted
    assert headers["X-HubSpot-Signature"] == hashlib.sha256(CLIENT_SECRET.encode() + body).hexdigest()
    assert headers["X-HubSpot-Signature-Version"] == "v1"
    assert abs(int(stamp) / 1000 - time.time()) < 60


def test_only_twelve_characters_are_decoded():
    plain = v3("s", "POST", "https://example.com/a:/?@!$'()*,;%20%26", b"{}", 1)
    assert v3("s", "POST", "https://example.com/a%3A%2f%3F%40%21%24%27%28%29%2A%2C%3b%20%26", b"{}", 1) == plain
    assert v3("s", "POST", "https://example.com/a:/?@!$'()*,; %26", b"{}", 1) != plain


def test_what_causes_no_event(sandbox, portal, receiver):
    deal_id = deal(portal, amount="1")
    subscribe(sandbox, receiver, "deal.propertyChange")
    portal.ok("PATCH", f"/objects/deals/{deal_id}", {"properties": {"amount": "1"}})
    line = {"name": "L", "price": "10", "quantity": "1"}
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]
    portal.post("/objects/line_items", {"properties": line, "associations": [{"to": {"id": deal_id}, "types": types}]})
    portal.get(f"/objects/deals/{deal_id}")
    sandbox.webhooks.deliver()
    assert receiver.received == []


def test_one_property_only(sandbox, portal, receiver):
    deal_id = deal(portal)
    sandbox.webhooks.subscribe(receiver.url, "deal.propertyChange", "amount")
    portal.ok("PATCH", f"/objects/deals/{deal_id}", {"properties": {"amount": "1", "dealname": "Other"}})
    sandbox.webhooks.deliver()
    assert [event["propertyName"] for event in receiver.events] == ["amount"]


def test_quotes_only_by_the_generic_type(sandbox, portal, receiver):
    with pytest.raises(ValueError, match="no subscription type"):
        sandbox.webhooks.subscribe(receiver.url, "quote.creation")
    sandbox.webhooks.subscribe(receiver.url, "object.creation", object_type_id="0-14")
    portal.post("/objects/quotes", {"properties": {"hs_title": "Q", "hs_expiration_date": "2026-12-31"}})
    deal(portal)
    sandbox.webhooks.deliver()
    assert [event["objectTypeId"] for event in receiver.events] == ["0-14"]


@pytest.mark.parametrize("url", ["https://example.com/hooks", "http://10.0.0.1/", "http://localhost.example.com/"])
def test_only_this_machine_is_called(sandbox, url):
    with pytest.raises(ValueError, match="loopback"):
        sandbox.webhooks.subscribe(url, "deal.creation")


def test_a_hundred_to_a_request(sandbox, portal, receiver):
    subscribe(sandbox, receiver, "line_item.creation")
    inputs = [{"properties": {"name": f"L{n}"}} for n in range(100)]
    for _ in range(2):
        portal.post("/objects/line_items/batch/create", {"inputs": inputs})
    deal(portal)
    sandbox.webhooks.deliver()
    assert [len(json.loads(body)) for _, body, _ in receiver.received] == [100, 100]


def test_what_fails_comes_again(sandbox, portal, receiver):
    subscribe(sandbox, receiver, "deal.creation")
    receiver.statuses += [500, 404]
    deal(portal)
    for _ in range(5):
        sandbox.webhooks.deliver()
    assert [event["attemptNumber"] for event in receiver.events] == [0, 1, 2]
    assert [each.status for each in sandbox.webhooks.deliveries] == [500, 404, 204]
    assert sandbox.webhooks.outbox == []


def test_ten_attempts_more_and_then_never(sandbox, portal, receiver):
    subscribe(sandbox, receiver, "deal.creation")
    receiver.statuses += [500] * 50
    deal(portal)
    for _ in range(20):
        sandbox.webhooks.deliver()
    assert len(receiver.received) == MAX_ATTEMPTS + 1


def test_nobody_there(sandbox, portal, receiver):
    subscribe(sandbox, receiver, "deal.creation")
    receiver.close()
    deal(portal)
    (delivery,) = sandbox.webhooks.deliver()
    assert delivery.status == 0
    assert len(sandbox.webhooks.outbox) == 1
    receiver.__init__()


def test_twice_backwards_and_under_one_id(sandbox, portal, receiver):
    hooks = sandbox.webhooks
    hooks.twice = hooks.reverse = hooks.same_event_id = True
    subscribe(sandbox, receiver, "deal.creation")
    ids = [int(deal(portal)) for _ in range(2)]
    hooks.deliver()
    assert [event["objectId"] for event in receiver.events] == [*ids[::-1], *ids[::-1]]
    assert {event["eventId"] for event in receiver.events} == {1}


def test_in_the_background(sandbox, portal, receiver):
    sandbox.webhooks.retry_seconds = 0.01
    subscribe(sandbox, receiver, "deal.creation")
    sandbox.webhooks.start()
    deal(portal)
    deadline = time.monotonic() + 5
    while not receiver.received and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(receiver.events) == 1
    sandbox.webhooks.stop()
