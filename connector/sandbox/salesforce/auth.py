"""The token endpoint: client credentials, JWT bearer and password; every answer as the vendor's OAuth pages give it.

A token is opaque, belongs to one user and dies with the session timeout on the org's clock. JWT expiry is judged by the
host's clock, since clients sign with theirs even when the org's clock is frozen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.sandbox.http import Request, Response, json_response
from connector.sandbox.salesforce.store import INTEGRATION_USER

if TYPE_CHECKING:
    from datetime import datetime

    from connector.sandbox.salesforce.clock import Clock

AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """The app a client logs in through; ``public_key`` (PEM) turns on the JWT flow."""

    consumer_key: str = "sandbox-consumer-key"
    consumer_secret: str = "sandbox-consumer-secret"
    username: str = "integration@example.com"
    password: str = "sandbox-password"
    public_key: str | None = None


class OAuthError(Exception):
    """A refusal in the OAuth shape, an object and not a list."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    def response(self) -> Response:
        """Return the 400 answer."""
        return json_response({"error": self.error, "error_description": self.description}, 400)


def make_key_pair() -> tuple[str, str]:
    """Make a fresh RSA key pair as PEM: private for the client, public for the `ConnectedApp`."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@dataclass(slots=True)
class TokenDesk:
    """Issues tokens and knows which are still good."""

    app: ConnectedApp
    clock: Clock
    org_id: str
    lifetime: timedelta = timedelta(hours=2)
    issued: dict[str, datetime] = field(default_factory=dict)

    def valid(self, authorization: str | None) -> bool:
        """Whether an Authorization header carries a live token."""
        kind, _, token = (authorization or "").partition(" ")
        expires = self.issued.get(token)
        return kind in {"Bearer", "OAuth"} and expires is not None and expires > self.clock.now()

    def expire_all(self) -> None:
        """End every session."""
        self.issued.clear()

    def revoke(self, request: Request) -> Response:
        """POST /services/oauth2/revoke."""
        form = dict(request.query_pairs) | dict(parse_qsl(request.body.decode()))
        self.issued.pop(form.get("token", ""), None)
        return Response(200)

    def grant(self, request: Request, instance_url: str) -> Response:
        """POST /services/oauth2/token."""
        form = dict(request.query_pairs) | dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        flows = {"client_credentials": self._client_credentials, "password": self._password, JWT_GRANT: self._jwt}
        flow = flows.get(form.get("grant_type", ""))
        if flow is None:
            return OAuthError("unsupported_grant_type", "grant type not supported").response()
        try:
            flow(form, request, instance_url)
        except OAuthError as error:
            return error.response()
        return json_response(self._token(instance_url, with_scope=flow != self._password))

    def _token(self, instance_url: str, *, with_scope: bool) -> dict[str, Any]:
        token = f"{self.org_id[:15]}!{secrets.token_urlsafe(48)}"
        now = self.clock.now()
        self.issued[token] = now + self.lifetime
        identity = f"{AUDIENCES[0]}/id/{self.org_id}/{INTEGRATION_USER}"
        issued_at = str(int(now.timestamp() * 1000))
        digest = hmac.digest(self.app.consumer_secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
        answer = {
            "access_token": token,
            "signature": base64.b64encode(digest).decode(),
            "instance_url": instance_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        return answer | ({"scope": "api"} if with_scope else {})

    # --- flows -----------------------------------------------------------------------------------------

    def _client_credentials(self, form: dict[str, str], request: Request, _: str) -> None:
        key, secret = _basic(request.headers.get("authorization")) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        self._check_app(key, secret)

    def _password(self, form: dict[str, str], _: Request, __: str) -> None:
        self._check_app(form.get("client_id", ""), form.get("client_secret", ""))
        given = (form.get("username", ""), form.get("password", ""))
        if given != (self.app.username, self.app.password):
            raise OAuthError("invalid_grant", "authentication failure")

    def _check_app(self, key: str, secret: str) -> None:
        if key != self.app.consumer_key:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if secret != self.app.consumer_secret:
            raise OAuthError("invalid_client", "invalid client credentials")

    def _jwt(self, form: dict[str, str], _: Request, instance_url: str) -> None:
        try:
            claims = jwt.decode(
                form.get("assertion", ""),
                self.app.public_key or "",
                algorithms=["RS256"],
                audience=[*AUDIENCES, instance_url],
                options={"require": ["iss", "sub", "aud", "exp"]},
            )
        except jwt.InvalidAudienceError:
            raise OAuthError("invalid_grant", "audience is invalid") from None
        except jwt.ExpiredSignatureError:
            raise OAuthError("invalid_grant", "expired assertion") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise OAuthError("invalid_grant", "invalid assertion") from None
        if claims["iss"] != self.app.consumer_key:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if claims["sub"] != self.app.username:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        if float(claims["exp"]) > time.time() + 300:
            raise OAuthError("invalid_grant", "invalid assertion: expires too late")


def _basic(header: str | None) -> tuple[str, str] | None:
    kind, _, encoded = (header or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        key, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return key, secret
