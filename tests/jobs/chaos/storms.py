"""What goes wrong on the way: answers that get lost, storms of 429, outages, locks; each is over after a while."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.jobs.chaos.emulators import Control, Emulators

_LIMITED = {
    "status": 429,
    "headers": {"Stripe-Rate-Limited-Reason": "global-rate"},
    "body": {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}},
}
_BUSY = [{"message": "We are temporarily unable to service your request", "errorCode": "SERVER_UNAVAILABLE"}]
_LOCKED = [{"message": "unable to obtain exclusive access to this record", "errorCode": "UNABLE_TO_LOCK_ROW"}]


@dataclass(frozen=True, slots=True)
class Storm:
    """A kind of trouble: what it arms, and for how many hundredths of the whole time it lasts."""

    words: str
    share: float
    arm: Callable[[Emulators, random.Random], Control]


def _stripe(*rules: dict[str, Any]) -> Callable[[Emulators, random.Random], Control]:
    def arm(emulators: Emulators, _: random.Random) -> Control:
        emulators.stripe.arm(*rules)
        return emulators.stripe

    return arm


def _org(*rules: dict[str, Any]) -> Callable[[Emulators, random.Random], Control]:
    def arm(emulators: Emulators, _: random.Random) -> Control:
        emulators.org.arm(*rules)
        return emulators.org

    return arm


def _lost_answers(emulators: Emulators, chance: random.Random) -> Control:
    """Let Stripe do what it is asked, and lose some of its answers."""
    rules = [
        {"method": "POST", "route": "/v1/", "nth": chance.randint(1, 12), "action": "drop_after"} for _ in range(4)
    ]
    emulators.stripe.arm(*rules)
    return emulators.stripe


LOST = Storm("answers of Stripe are lost", 6, _lost_answers)
LIMITED = Storm("storm of 429", 6, _stripe({"route": "/v1/", "times": None, **_LIMITED}))
OUTAGE = Storm("Stripe is away for an hour", 14, _stripe({"route": "/v1/", "times": None, "action": "drop_before"}))
FAILING = Storm("Stripe fails", 6, _stripe({"route": "/v1/", "times": None, "status": 503}))
AWAY = Storm("Salesforce is away", 8, _org({"route": "/services", "times": None, "status": 503, "body": _BUSY}))
UNTOLD = Storm(
    "Salesforce takes no writes", 8, _org({"route": "/composite/sobjects", "times": None, "status": 503, "body": _BUSY})
)
LOCKED = Storm(
    "rows are locked", 4, _org({"method": "PATCH", "route": "/composite", "times": 4, "body": _LOCKED, "status": 400})
)

#: One round of trouble, in this order, with quiet between.
ROUND = (LOST, LIMITED, OUTAGE, UNTOLD, AWAY, FAILING, LOCKED)


def blow(emulators: Emulators, seconds: float, seed: int, told: Callable[[str], None]) -> None:
    """Let one round of storms pass in so many seconds."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    quiet = (100 - sum(storm.share for storm in ROUND)) / len(ROUND)
    for storm in ROUND:
        time.sleep(seconds * quiet / 100)
        told(storm.words)
        control = storm.arm(emulators, chance)
        time.sleep(seconds * storm.share / 100)
        control.disarm()
        told(f"over: {storm.words}")
