"""Errors with the envelope and the texts of the vendor.

Texts, codes and `param` follow recorded API traffic where it has the case, otherwise messages quoted in public
issue threads and the error code list at stripe.com/docs/error-codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class StripeError(Exception):
    """An error answer; `executed` tells whether the endpoint had begun (then it is stored under the key)."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        executed: bool = True,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.param, self.kind = message, status, code, param, kind
        self.executed = executed

    def envelope(self, request_id: str) -> dict[str, Any]:
        """Build the body; keys are alphabetical and `doc_url` comes with a code only, as in recorded traffic."""
        body: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            body["code"] = self.code
            body["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            body["param"] = self.param
        body["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": dict(sorted(body.items()))}


def invalid(message: str, param: str | None = None, *, code: str | None = None) -> StripeError:
    """Refuse for a reason found while executing."""
    return StripeError(message, param=param, code=code)


def malformed(message: str, param: str | None = None, *, code: str | None = None) -> StripeError:
    """Refuse because of the parameters alone, before executing."""
    return StripeError(message, param=param, code=code, executed=False)


def missing_object(noun: str, identifier: str, param: str, *, status: int = 400) -> StripeError:
    """Refuse an unknown reference: 404 when it is in the path, 400 in the body (recorded traffic)."""
    return StripeError(f"No such {noun}: '{identifier}'", status=status, code="resource_missing", param=param)


def not_emulated(what: str) -> StripeError:
    """Refuse what this emulator does not do, rather than pretend."""
    return StripeError(f"Not emulated: {what}", status=501, kind="api_error", code="not_emulated", executed=False)


def unknown_parameters(paths: Sequence[str]) -> StripeError:
    """Refuse parameters the endpoint does not have; `param` is the first one."""
    noun = "parameter" if len(paths) == 1 else "parameters"
    return malformed(f"Received unknown {noun}: {', '.join(paths)}", paths[0], code="parameter_unknown")


def exclusive(*names: str, param: str | None = None) -> StripeError:
    """Refuse parameters that exclude each other."""
    return invalid(f"You may only specify one of these parameters: {', '.join(names)}.", param)


def choices(values: Sequence[str]) -> str:
    """Join alternatives the way the vendor does: `a or b`, `a, b, or c`."""
    if len(values) < 3:
        return " or ".join(values)
    return f"{', '.join(values[:-1])}, or {values[-1]}"
