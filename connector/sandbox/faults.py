"""Faults on purpose: which calls are broken, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.sandbox.messages import Request


@dataclass(slots=True)
class FaultRule:
    """Breaks matching calls on purpose.

    `route` is compared with the route pattern and the path, as a glob or as a substring; `=/v1/x` is that one and no
    longer one. `nth` hits only the nth matching call (from 1); otherwise the first `times` calls are hit (None: all).
    `drop_before` closes the socket without executing, `drop_after` executes and closes the socket without an answer,
    `status` answers `status` and `body` without executing, `truncate` executes and answers half of the body, `delay`
    only waits. Any action may carry a `delay` in seconds; it ends when the rule is disarmed.
    """

    method: str | None = None
    route: str = ""
    nth: int | None = None
    times: int | None = 1
    action: str = "status"
    status: int = 503
    body: Any = field(default_factory=lambda: {"error": {"type": "api_error", "message": "Injected fault."}})
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    seen: int = 0

    def __post_init__(self) -> None:
        if self.action not in {"drop_before", "drop_after", "status", "truncate", "delay"}:
            message = f"unknown fault action: {self.action}"
            raise ValueError(message)

    def strikes(self, request: Request, route: str) -> bool:
        """Count a matching call and say whether this one is to be broken."""
        if self.method not in (None, request.method):
            return False
        if not any(self._names(name) for name in (route, request.path)):
            return False
        self.seen += 1
        if self.nth is not None:
            return self.seen == self.nth
        return self.times is None or self.seen <= self.times

    def _names(self, name: str) -> bool:
        if self.route.startswith("="):
            return name == self.route[1:]
        return self.route in name or fnmatchcase(name, self.route)
