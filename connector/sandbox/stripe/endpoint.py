"""What an operation of the API is made of, and the few moves most of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.rendering import list_of, page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connector.sandbox.stripe.state import Object, Tenant


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request on its way to its endpoint."""

    tenant: Tenant
    path: str
    variables: dict[str, str]
    params: dict[str, Any]

    @property
    def now(self) -> int:
        """The time on the account's own clock."""
        return self.tenant.clock.now()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation: where it lives, the SDK type of its parameters, and what it does."""

    method: str
    path: str
    params: str
    run: Callable[[Call], Object]


def listing(call: Call, found: Iterable[Object]) -> Object:
    """Answer a list request."""
    return list_of(found, page_of(call.params), call.path)


def owned(call: Call, kind: str) -> Iterable[Object]:
    """Find the objects of a list request, those of one customer if it names one."""
    if "customer" in call.params:
        return call.tenant.of(kind, call.params["customer"])
    return call.tenant.all(kind)


def deletion(kind: str, ident: str) -> Object:
    """Answer a delete request."""
    return {"id": ident, "object": kind, "deleted": True}


def chosen(params: dict[str, Any], *names: str) -> dict[str, Any]:
    """Pick parameters for copying into an object; the empty string unsets."""
    return {name: None if params[name] == "" else params[name] for name in names if name in params}
