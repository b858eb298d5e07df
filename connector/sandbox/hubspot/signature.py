"""Signatures of webhook deliveries: v3 over method, address, body, time; v1 over the body (vendor's page)."""

from __future__ import annotations

import base64
import hashlib
import hmac

_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


def signed_headers(secret: str, method: str, uri: str, body: bytes, timestamp: int) -> dict[str, str]:
    """Return the headers of a delivery; ``timestamp`` is in epoch milliseconds."""
    return {
        "X-HubSpot-Request-Timestamp": str(timestamp),
        "X-HubSpot-Signature-v3": v3(secret, method, uri, body, timestamp),
        "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
    }


def v3(secret: str, method: str, uri: str, body: bytes, timestamp: int) -> str:
    """Return the v3 signature; of the address only these twelve characters are decoded."""
    for code, letter in _DECODED.items():
        uri = uri.replace(code, letter).replace(code.lower(), letter)
    message = f"{method}{uri}".encode() + body + str(timestamp).encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()
