"""Bearer tokens and scopes: private apps, service keys, OAuth tokens that run out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.sandbox.hubspot.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from connector.sandbox.hubspot.clock import Clock
    from connector.sandbox.hubspot.schema import ObjectType

_READ = ("deals", "line_items", "quotes", "companies", "contacts", "products", "owners", "subscriptions", "contracts")
_WRITE = ("deals", "line_items", "quotes", "companies", "contacts", "products")
_SCHEMAS = ("deals", "line_items", "quotes", "companies", "contacts", "products")
ALL_SCOPES = frozenset(
    {f"crm.objects.{name}.read" for name in _READ}
    | {f"crm.objects.{name}.write" for name in _WRITE}
    | {f"crm.schemas.{name}.{mode}" for name in _SCHEMAS for mode in ("read", "write")}
    | {"oauth"}
)
_ACTIVITIES = frozenset({"notes", "tasks", "calls", "emails", "meetings", "communications"})


@dataclass(frozen=True, slots=True)
class Token:
    """One credential; ``kind`` is ``private_app``, ``service_key`` or ``oauth``; only a service key has no webhooks."""

    value: str
    kind: str = "private_app"
    scopes: frozenset[str] = ALL_SCOPES
    app_id: int = 3_810_442
    expires: datetime | None = None


@dataclass(slots=True)
class TokenDesk:
    """Knows the tokens."""

    clock: Clock
    tokens: dict[str, Token] = field(default_factory=dict)

    def add(self, token: Token) -> None:
        """Make a token good."""
        self.tokens[token.value] = token

    def check(self, authorization: str | None) -> Token:
        """Return the token of a request; raises the 401 it earns."""
        kind, _, value = (authorization or "").partition(" ")
        if kind != "Bearer" or not value:
            raise ApiError("INVALID_AUTHENTICATION", "Authentication credentials not found.")
        token = self.tokens.get(value)
        if token is None:
            raise ApiError("INVALID_AUTHENTICATION", "The access token is not known, was revoked, or is malformed.")
        if token.expires is not None and token.expires <= self.clock.now():
            expired = {"message": "The access token expired.", "context": {"expireTime": [token.expires.isoformat()]}}
            raise ApiError(
                "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.", errors=[expired]
            )
        return token

    def revoke_all(self) -> None:
        """End every token."""
        self.tokens.clear()


def require(token: Token, scopes: Iterable[str]) -> None:
    """Raise the 403 of a token that has none of these scopes."""
    wanted = list(scopes)
    if wanted and not token.scopes & set(wanted):
        lacking = {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredScopes": wanted},
        }
        message = "This app hasn't been granted all required scopes to make this call."
        raise ApiError("MISSING_SCOPES", message, errors=[lacking])


def object_scopes(kind: ObjectType, mode: str) -> list[str]:
    """Return the scopes of which one is needed to read or write records of a type."""
    name = "contacts" if kind.name in _ACTIVITIES else kind.name
    scopes = [f"crm.objects.{name}.{mode}"]
    return [*scopes, "e-commerce"] if name in {"products", "line_items"} else scopes


def schema_scopes(kind: ObjectType, mode: str) -> list[str]:
    """Return the scopes of which one is needed to read or change the properties of a type."""
    name = "contacts" if kind.name in _ACTIVITIES else kind.name
    reading = [f"crm.objects.{name}.read"] if mode == "read" else []
    commerce = ["e-commerce"] if name in {"products", "line_items"} else []
    return [f"crm.schemas.{name}.{mode}", *reading, *commerce]
