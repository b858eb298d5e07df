"""The recorded exchanges with the real Stripe API about schedules, subscriptions and invoices.

They are of API version 2020-08-27 and classic billing mode; `exchanges_replay` translates the requests, and
`exchanges_facts` the answers.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.corpus.recordings import Recording

IDENT = re.compile(
    r"^(sub_sched|sub|cus|prod|price|in|ii|il|di|si|clock|pm|evt|sli|acct|txr|seti|pi|ch)_(test_)?[A-Za-z0-9]{14,}$"
)
#: The collections whose exchanges are compared; what others answer is only needed to get there.
COMPARED = ("subscription_schedules", "subscriptions", "invoices", "invoiceitems", "events")
#: Writes to these are repeated, so that what follows finds its customer, clock or payment method.
REPEATED = ("customers", "test_helpers", "payment_methods", "prices", "products")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    number: int
    by: str
    at: int
    method: str
    path: str
    params: dict[str, Any]
    status: int
    answer: dict[str, Any]

    @property
    def collection(self) -> str:
        """Return the collection: `subscription_schedules`."""
        return self.path.split("/")[2]

    @property
    def route(self) -> str:
        """Return the path with its ids taken out: `/v1/invoices/*/pay`."""
        version, collection, *rest = self.path.split("/")[1:]
        if rest and rest[0] != "upcoming":
            rest[0] = "*"
        return "/".join(["", version, collection, *rest])

    @property
    def compared(self) -> bool:
        """Tell whether the answer is about a schedule, a subscription or an invoice."""
        return self.collection in COMPARED

    @property
    def fingerprint(self) -> str:
        """Return what tells exchanges apart: all of it, without ids and moments of recording."""
        text = json.dumps([self.method, self.route, self.params, self.status, self.answer], sort_keys=True)
        text = re.sub(
            r"(sub_sched|sub|cus|prod|price|in|ii|il|di|si|clock|sli|seti|pi|ch)_[A-Za-z0-9_]{14,}", "*", text
        )
        text = re.sub(r'[0-9a-zA-Z]{15}(AA[A-Z]|[A-Z]{3})"', '*"', text)
        return re.sub(r"\b1[67]\d{8}\b|20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\"]*|\d\d [A-Z][a-z]{2} 20\d\d", "#", text)


def exchanges(recording: Recording) -> Iterator[Exchange]:
    """Yield the exchanges of a recording that matter, in order; a later re-recording is not part of the story."""
    for request in recording.data["stripe"]["requests"]:
        exchange = Exchange(
            number=request["i"],
            by=request["by"],
            at=int(datetime.fromisoformat(request["at"]).timestamp()),
            method=request["method"],
            path=request["path"],
            params=request.get("params") or {},
            status=request["status"],
            answer=request["response"] or {},
        )
        if exchange.by != "late" and (exchange.compared or (exchange.method == "POST" and _repeated(exchange))):
            yield exchange


def _repeated(exchange: Exchange) -> bool:
    return exchange.collection in REPEATED and exchange.status == 200


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a value, outer ones first."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)
