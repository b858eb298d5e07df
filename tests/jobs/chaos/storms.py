"""What goes wrong on the way: answers that get lost, storms of 429, outages, locks; each is over after a while."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connector.sandbox.hubspot.limits import rate_limit_body
from connector.sandbox.seed import ORDERS
from connector.sandbox.seed.hubspot import DEALS
from tests.jobs.chaos.emulators import Control, Emulators

_LIMITED = {
    "status": 429,
    "headers": {"Stripe-Rate-Limited-Reason": "global-rate"},
    "body": {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}},
}
_OVERLOADED = {"status": "error", "message": "Service unavailable", "category": "SERVICE_UNAVAILABLE"}
_BUSY = [{"message": "We are temporarily unable to service your request", "errorCode": "SERVER_UNAVAILABLE"}]


@dataclass(frozen=True, slots=True)
class Storm:
    """A kind of trouble: what it arms, and for how many hundredths of the whole time it lasts.

    With `met`, words of the log, it goes on until they were logged: on a slow machine a process may be starting all the
    while, and meet nothing.
    """

    words: str
    share: float
    arm: Callable[[Emulators, random.Random], Control]
    met: str = ""


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


def _portal(*rules: dict[str, Any]) -> Callable[[Emulators, random.Random], Control]:
    def arm(emulators: Emulators, _: random.Random) -> Control:
        emulators.portal.arm(*rules)
        return emulators.portal

    return arm


def _lost_answers(emulators: Emulators, chance: random.Random) -> Control:
    """Let Stripe do what it is asked, and lose some of its answers."""
    rules = [
        {"method": "POST", "route": "/v1/", "nth": chance.randint(1, 12), "action": "drop_after"} for _ in range(4)
    ]
    emulators.stripe.arm(*rules)
    return emulators.stripe


def _lost_by_the_org(emulators: Emulators, chance: random.Random) -> Control:
    """Let Salesforce do what it is asked, reads and writes, and lose many of its answers."""
    numbers = chance.sample(range(1, 30), 12)
    emulators.org.arm(*({"method": "POST", "route": "/composite", "nth": n, "action": "drop_after"} for n in numbers))
    return emulators.org


def _lost_by_the_portal(emulators: Emulators, chance: random.Random) -> Control:
    """Let HubSpot do what it is asked, reads and writes, and lose many of its answers."""
    numbers = chance.sample(range(1, 40), 12)
    emulators.portal.arm(*({"route": "/objects/", "nth": number, "action": "drop_after"} for number in numbers))
    return emulators.portal


def _locked_in_the_portal(emulators: Emulators, _: random.Random) -> Control:
    """Let HubSpot be busy with every deal once, when it is to be written."""
    emulators.portal.call("POST", "locks", {"ids": list(DEALS.values())})
    return emulators.portal


def _locked(emulators: Emulators, _: random.Random) -> Control:
    """Let somebody hold every order once, when it is to be written."""
    emulators.org.call("POST", "locks", {"ids": list(ORDERS.values())})
    return emulators.org


LOST = Storm("answers of Stripe are lost", 6, _lost_answers)
LIMITED = Storm("storm of 429", 6, _stripe({"route": "/v1/", "times": None, **_LIMITED}))
OUTAGE = Storm("Stripe is away for an hour", 14, _stripe({"route": "/v1/", "times": None, "action": "drop_before"}))
FAILING = Storm("Stripe fails", 6, _stripe({"route": "/v1/", "times": None, "status": 503}))
AWAY = Storm(
    "Salesforce is away",
    8,
    _org({"route": "/services", "times": None, "status": 503, "body": _BUSY}),
    met="salesforce is away, nothing is sent until",
)
UNTOLD = Storm("answers of Salesforce are lost", 8, _lost_by_the_org)
LOCKED = Storm("rows are locked", 4, _locked)

_OVER = {"times": None, "status": 429}
SEARCHED = Storm(
    "HubSpot's limit of searches",
    10,
    _portal({"route": "/search", "body": rate_limit_body("SECONDLY"), **_OVER}),
)
SPENT = Storm(
    "HubSpot's limit of ten seconds",
    12,
    _portal({"route": "/crm/", "body": rate_limit_body("TEN_SECONDLY_ROLLING"), **_OVER}),
)
PORTAL_AWAY = Storm(
    "HubSpot is away",
    10,
    _portal({"route": "/", "times": None, "status": 503, "body": _OVERLOADED}),
    met="hubspot is away, nothing is sent until",
)
PORTAL_UNTOLD = Storm("answers of HubSpot are lost", 10, _lost_by_the_portal)
PORTAL_LOCKED = Storm("deals are locked", 4, _locked_in_the_portal)

#: One round of trouble, in this order, with quiet between; the second beside the first.
ROUND = (LOST, LIMITED, OUTAGE, UNTOLD, AWAY, FAILING, LOCKED)
PORTAL_ROUND = (PORTAL_LOCKED, PORTAL_UNTOLD, SEARCHED, PORTAL_AWAY, SPENT)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of storms, and the log of the process they are for."""

    told: Callable[[str], None]
    logged: Callable[[], str]


def blow(storms: Sequence[Storm], emulators: Emulators, seconds: float, seed: int, watch: Watch) -> None:
    """Let one round of storms pass in so many seconds."""
    told, logged = watch.told, watch.logged
    chance = random.Random(seed)  # noqa: S311 -- no secret
    quiet = (100 - sum(storm.share for storm in storms)) / len(storms)
    for storm in storms:
        time.sleep(seconds * quiet / 100)
        told(storm.words)
        before = logged().count(storm.met)
        control = storm.arm(emulators, chance)
        time.sleep(seconds * storm.share / 100)
        deadline = time.monotonic() + 60
        while storm.met and logged().count(storm.met) == before and time.monotonic() < deadline:
            time.sleep(0.2)
        control.disarm()
        told(f"over: {storm.words}")
