"""Coupons over phases: a coupon counts from the day it is first given, however many phases follow.

Stripe starts a coupon's duration anew in each phase that lists it (docs.stripe.com/billing/subscriptions/
subscription-schedules), so a one-time coupon belongs to the first phase only and a repeating one carries its rest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from connector.domain.contract import Contract, Discount, Line
from connector.domain.period import Period, add_months, billing_dates


def for_phase(owner: Contract | Line, phase: Period, first: date, anchor: date) -> tuple[Discount, ...]:
    """Return the discounts of a contract or line that still hold in `phase`, with what is left of their time.

    `first` is the day on which they began to count: the start of the schedule or of the line; billing dates are
    counted from `anchor`.
    """
    if isinstance(owner, Line):
        given = [(discount, first) for discount in owner.discounts]
    else:
        given = list(_of_orders(owner, phase, first))
    return tuple(
        left for discount, began in given if (left := left_on(phase.start, discount, began, anchor)) is not None
    )


def _of_orders(contract: Contract, phase: Period, first: date) -> Iterator[tuple[Discount, date]]:
    """Yield the coupons of the orders that count in a phase, each with the day from which it counts.

    An amendment's coupon joins those that are there, from the day on which the amendment counts.
    """
    root, *later = contract.revisions
    yield from ((discount, first) for discount in root.discounts)
    for revision in later:
        began = max(revision.effective, first)
        if began <= phase.start:
            yield from ((discount, began) for discount in revision.discounts)


def at_once(discounts: Iterable[Discount]) -> tuple[Discount, ...]:
    """Return discounts for an amount billed once, which may wait for its invoice longer than a coupon's months run."""
    return tuple(replace(d, duration="once", months=None) if d.duration == "repeating" else d for d in discounts)


def left_on(start: date, discount: Discount, first: date, anchor: date) -> Discount | None:
    """Return what is left of a discount for a phase that begins on a day, none if nothing is.

    As many months as it still has monthly billing dates, never a part more.
    """
    if start <= first or discount.duration == "forever":
        return discount
    if discount.duration == "once" or discount.months is None:
        return None
    end = add_months(first, discount.months)
    months = len(tuple(billing_dates(anchor, 1, Period(start, end)))) if end > start else 0
    return replace(discount, months=months) if months else None
