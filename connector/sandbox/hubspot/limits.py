"""Rate limits: a rolling ten seconds per app, five searches a second per account, a day (vendor's usage guidelines).

Windows slide with the host's clock, plus whatever the portal's clock was advanced: a frozen portal can still be waited
for. Without `Limits` nothing is refused and the headers show an untouched budget.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot.errors import correlation_id

if TYPE_CHECKING:
    from connector.sandbox.hubspot.clock import Clock
    from connector.sandbox.hubspot.portal import Portal

WINDOW = 10.0
POLICIES = ("TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a token may do; ``neighbours`` is what other apps of the account take from the day and from search."""

    burst: int = 190
    daily: int = 650_000
    searches: int = 5
    neighbours: int = 0
    retry_after: bool = False


@dataclass(slots=True)
class LimitBook:
    """Counts calls and refuses those beyond the limits."""

    clock: Clock
    portal: Portal
    limits: Limits | None = None
    calls: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    searched: deque[float] = field(default_factory=deque)
    used: int = 0
    day: str = ""
    exhausted: dict[str, float | str] = field(default_factory=dict)

    def now(self) -> float:
        """Return seconds that pass with the host and with every advance of the portal's clock."""
        return time.monotonic() + self.clock.advanced.total_seconds()

    def admit(self, token: str, *, search: bool) -> Response | None:
        """Count a call; the 429 when it is one too many."""
        self._turn_day()
        policy = self._overdrawn(token, search=search)
        if policy is not None:
            return self.refusal(policy)
        self.used += 1
        (self.searched if search else self.calls[token]).append(self.now())
        return None

    def exhaust(self, policy: str) -> None:
        """Use a budget up, as a neighbour app would: until the window has passed, or the day."""
        if policy not in POLICIES:
            message = f"unknown policy {policy}; known: {', '.join(POLICIES)}"
            raise ValueError(message)
        self._turn_day()
        seconds = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": WINDOW}.get(policy)
        self.exhausted[policy] = self.day if seconds is None else self.now() + seconds

    def headers(self, token: str) -> dict[str, str]:
        """Return what every answer but a search tells about the budgets."""
        limits = self.limits or Limits()
        recent, used = (len(self._recent(self.calls[token], WINDOW)), self.used) if self.limits else (1, 1)
        if self._spent("TEN_SECONDLY_ROLLING"):
            recent = limits.burst
        if self._spent("DAILY"):
            used = limits.daily
        return {
            "X-HubSpot-RateLimit-Max": str(limits.burst),
            "X-HubSpot-RateLimit-Remaining": str(max(limits.burst - recent, 0)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": str(limits.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(limits.daily - used - limits.neighbours, 0)),
        }

    def refusal(self, policy: str) -> Response:
        """Return a 429."""
        limits = self.limits or Limits()
        headers = {"Retry-After": "1" if policy == "SECONDLY" else "10"} if limits.retry_after else {}
        return json_response(rate_limit_body(policy), 429, headers)

    def _overdrawn(self, token: str, *, search: bool) -> str | None:
        policy = "SECONDLY" if search else "TEN_SECONDLY_ROLLING"
        if self._spent("DAILY"):
            return "DAILY"
        if self._spent(policy):
            return policy
        if self.limits is None:
            return None
        if self.used + self.limits.neighbours >= self.limits.daily:
            return "DAILY"
        if search:
            return policy if len(self._recent(self.searched, 1.0)) >= self.limits.searches else None
        return policy if len(self._recent(self.calls[token], WINDOW)) >= self.limits.burst else None

    def _spent(self, policy: str) -> bool:
        until = self.exhausted.get(policy)
        return until == self.day if isinstance(until, str) else until is not None and self.now() < until

    def _recent(self, moments: deque[float], seconds: float) -> deque[float]:
        oldest = self.now() - seconds
        while moments and moments[0] <= oldest:
            moments.popleft()
        return moments

    def _turn_day(self) -> None:
        today = self.clock.now().astimezone(ZoneInfo(self.portal.time_zone)).date().isoformat()
        if today != self.day:
            self.day, self.used = today, 0

    def usage(self) -> dict[str, Any]:
        """Return the day's usage as the account info API shows it."""
        self._turn_day()
        limits, zone = self.limits or Limits(), ZoneInfo(self.portal.time_zone)
        midnight = (self.clock.now().astimezone(zone) + timedelta(1)).replace(hour=0, minute=0, second=0, microsecond=0)
        row = {"name": "private-apps-api-calls-daily", "usageLimit": limits.daily, "currentUsage": self.used}
        row |= {"collectedAt": self.clock.now().isoformat(), "fetchStatus": "SUCCESS", "resetsAt": midnight.isoformat()}
        return {"results": [row]}


def rate_limit_body(policy: str) -> dict[str, Any]:
    """Return the body of a 429, also for faults armed by hand."""
    return {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": correlation_id(),
        "policyName": policy,
        "category": "RATE_LIMITS",
    }
