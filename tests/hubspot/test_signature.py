"""Webhook signatures: HubSpot's own SDK, the emulator's sender and our check agree; everything else is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from hubspot.utils.signature import Signature

from connector.crm.hubspot.signature import SIGNATURE, TIMESTAMP, is_genuine, signature_of
from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.hubspot.webhooks import CLIENT_SECRET

SECRET = "3f1c9f2e-0000-4000-8000-client-secret"
URL = "https://billing.example/hooks/hubspot?portal=1&next=%2Fdeals%3Fid%3D7&name=%C3%A9"
BODY = '[{"eventId":1,"objectId":7,"text":"é"}]'.encode()
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
STAMP = str(int(NOW.timestamp() * 1000))


def headers(**changed: str) -> dict[str, str]:
    return {SIGNATURE: signature_of(SECRET, "POST", URL, BODY, STAMP), TIMESTAMP: STAMP, **changed}


def genuine(
    *,
    method: str = "POST",
    url: str = URL,
    body: bytes = BODY,
    secret: str = SECRET,
    given: Mapping[str, str] | None = None,
    now: datetime = NOW,
) -> bool:
    known = headers() if given is None else given
    return is_genuine(secret, method=method, url=url, body=body, headers=known, now=now)


def test_a_signed_delivery_is_genuine_whatever_the_case_of_its_headers() -> None:
    assert genuine()
    assert genuine(given={name.lower(): value for name, value in headers().items()})


@pytest.mark.parametrize("url", ["https://billing.example/hooks", "https://billing.example/hooks?a=1&b=2"])
def test_the_vendors_sdk_signs_alike(url: str) -> None:
    theirs = Signature.get_signature(SECRET, BODY.decode(), "v3", http_uri=url, http_method="POST", timestamp=STAMP)
    assert signature_of(SECRET, "POST", url, BODY, STAMP) == theirs


def test_only_twelve_characters_of_the_address_are_decoded() -> None:
    written = signature_of(SECRET, "POST", "https://x.example/a?b=%3A%2f%3F%40%21%24%27%28%29%2A%2C%3B%20%26", b"", "1")
    assert written == signature_of(SECRET, "POST", "https://x.example/a?b=:/?@!$'()*,;%20%26", b"", "1")
    assert written != signature_of(SECRET, "POST", "https://x.example/a?b=:/?@!$'()*,; &", b"", "1")


def test_whatever_was_changed_is_refused() -> None:
    assert not genuine(secret="another")
    assert not genuine(method="PUT")
    assert not genuine(url=URL.replace("portal=1", "portal=2"))
    assert not genuine(body=BODY + b" ")
    later = str(int(STAMP) + 1)
    assert not genuine(given=headers(**{TIMESTAMP: later}))


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e3", "\uff19", "9" * 40, "17 "])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    signature = signature_of(SECRET, "POST", URL, BODY, stamp)
    assert not genuine(given={SIGNATURE: signature, TIMESTAMP: stamp})


@pytest.mark.parametrize("signature", ["", "é", "\udcff", "AAAA"])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    assert not genuine(given=headers(**{SIGNATURE: signature}))
    assert not genuine(given={})


@pytest.mark.parametrize(("off", "fresh"), [(299, True), (-299, True), (301, False), (-301, False)])
def test_a_delivery_is_of_now(off: int, fresh: bool) -> None:
    assert genuine(now=NOW + timedelta(seconds=off)) is fresh


def test_the_emulator_sends_what_we_take() -> None:
    got: list[tuple[str, bytes, dict[str, str]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, body, dict(self.headers)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hooks?from=hubspot"
    try:
        with HubSpotSandbox() as portal:
            portal.webhooks.subscribe(url, "deal.propertyChange", "dealname")
            deal = portal.insert("deals", {"dealname": "D", "pipeline": "default", "dealstage": "closedwon"})
            portal.update("deals", deal, {"dealname": "E"})
            portal.webhooks.deliver()
    finally:
        server.shutdown()
        server.server_close()
    (path, body, sent) = got[0]
    assert path == "/hooks?from=hubspot"
    assert deal.encode() in body
    assert is_genuine(CLIENT_SECRET, method="POST", url=url, body=body, headers=sent, now=datetime.now(UTC))
    assert not is_genuine("other", method="POST", url=url, body=body, headers=sent, now=datetime.now(UTC))
