"""Is a webhook delivery HubSpot's? Its v3 signature, checked: a pure function for whoever receives deliveries.

What is signed is method, address, body and time, with the app's client secret; of the address exactly twelve characters
are decoded (HubSpot's page on validating requests). The address is the public one that is configured at HubSpot, never
one put together from a proxy's headers. A delivery is only a hint: what it names is read afresh.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

SIGNATURE, TIMESTAMP = "X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"
#: How far a delivery's time may be off, either way: HubSpot says to refuse what is older.
TOLERANCE = timedelta(minutes=5)
_DECODED = {f"%{ord(letter):02X}": letter for letter in ":/?@!$'()*,;"}


def is_genuine(secret: str, *, method: str, url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    """Tell whether a delivery was signed with the app's secret, just now. Header names may come in any case.

    `url` is the public address with its query, `body` the bytes as they came, `now` an aware moment. False, never an
    exception, for whatever else arrives.
    """
    given = {name.casefold(): value for name, value in headers.items()}
    signature, stamp = (given.get(name.casefold(), "") for name in (SIGNATURE, TIMESTAMP))
    if not signature or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > len("1700000000000"):
        return False
    sent = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    if abs(now - sent) > TOLERANCE:
        return False
    expected = signature_of(secret, method, url, body, stamp)
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def signature_of(secret: str, method: str, url: str, body: bytes, stamp: str) -> str:
    """Return the v3 signature of a delivery; `stamp` is its time in epoch milliseconds, as text."""
    for code, letter in _DECODED.items():
        url = url.replace(code, letter).replace(code.lower(), letter)
    signed = f"{method}{url}".encode() + body + stamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
