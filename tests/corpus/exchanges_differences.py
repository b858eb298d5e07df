"""Where the emulator answers otherwise than the recorded API, and why that is right; nothing else may differ.

A reason is a rule over the exchange and the two values, never the name of a recording. A rule that explains nothing any
more is a mistake as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.corpus.exchanges import Exchange

SECOND = {"created", "period_start", "period_end", "current_period_start", "canceled_at", "finalized_at", "paid_at"}
PAID = {"amount_paid", "amount_remaining"}


@dataclass(frozen=True)
class Difference:
    """One fact on which two answers differ."""

    exchange: Exchange
    name: str
    theirs: Any
    ours: Any

    @property
    def field(self) -> str:
        """Return the fact without its place in a list: `line metadata`."""
        return " ".join(word for word in self.name.split() if not word.rstrip(":").isdigit() and word != "entry")

    def __str__(self) -> str:
        """Say what differs, in one line."""
        call = f"{self.exchange.number} {self.exchange.method} {self.exchange.route}"
        return f"{call}: {self.name}: recorded {self.theirs!r}, emulator {self.ours!r}"


@dataclass(frozen=True)
class Reason:
    """Why some differences are right."""

    text: str
    explains: Callable[[Difference], bool]


def _upcoming(difference: Difference) -> bool:
    return difference.exchange.path == "/v1/invoices/upcoming"


def _paid_outside(difference: Difference) -> bool:
    outside = difference.exchange.params.get("paid_out_of_band") == "true"
    return outside and difference.field in PAID


def _next_second(difference: Difference) -> bool:
    both = isinstance(difference.theirs, int) and isinstance(difference.ours, int)
    return both and difference.field in SECOND and abs(difference.theirs - difference.ours) == 1


def _usage_period(difference: Difference) -> bool:
    if difference.field != "line period" or not _upcoming(difference):
        return False
    return bool(difference.theirs[0] == difference.ours[0] and difference.ours[1] - difference.theirs[1] == 300)


def _template(difference: Difference) -> bool:
    settings = difference.exchange.params.get("default_settings", {}).get("invoice_settings", {})
    return difference.name == "HTTP status" and "rendering" in settings


REASONS = (
    Reason(
        "an invoice that was paid outside of Stripe kept its amount as remaining; today it is paid, nothing is left",
        _paid_outside,
    ),
    Reason("Stripe took more than a second over one request, and stamped its objects with two", _next_second),
    Reason(
        "a preview shows the subscription's metadata of today; the emulator shows the invoice as it will be made, with "
        "the metadata of the phase that has begun by then",
        lambda difference: _upcoming(difference) and difference.field == "line metadata",
    ),
    Reason(
        "usage records, which are no more, were counted until five minutes before the end of the period",
        _usage_period,
    ),
    Reason(
        "a rendering template for the invoices of a schedule is no part of the public API; the request goes without it",
        _template,
    ),
)


def reason_for(difference: Difference) -> Reason | None:
    """Find the reason for a difference."""
    return next((reason for reason in REASONS if reason.explains(difference)), None)
