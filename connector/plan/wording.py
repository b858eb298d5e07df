"""Amounts billed once, in plain words: what, from when, how much of the period, and when it comes to the customer."""

from datetime import date

from connector.compile.bills import one_off_charge, one_off_days, recurring_days
from connector.compile.spec import OneOffSpec, ScheduleSpec
from connector.domain.money import text
from connector.domain.period import Period

_WAYS = {"apart": "settled on its own day", "waived": "left out by policy"}


def in_words(one_off: OneOffSpec, currency: str, spec: ScheduleSpec | None = None, today: date | None = None) -> str:
    """Return a one-off in words.

    "10 x Planner Seat from 2027-03-12, 19 of 31 days of this period, billed with the invoice of 2027-04-01: 61.29 EUR".
    `spec` is the schedule that carries it, `today` the day on which it is put there, where that is not its phase's.
    """
    what = f"{one_off.quantity} x {one_off.line.product.name}"
    if one_off.reason == "correction":
        what = f"correction for {one_off.line.product.name}"
    parts = [f"{what}{_since(one_off)}{_share(one_off, spec)}", _when(one_off, spec, today)]
    amount = one_off_charge(one_off, date.min, currency).net
    return f"{', '.join(part for part in parts if part)}: {text(amount, currency)}"


def _since(one_off: OneOffSpec) -> str:
    period = one_off.period
    if period is None:
        return ""
    return f" for {period}" if one_off.reason in {"correction", "one_time"} else f" from {period.start}"


def _share(one_off: OneOffSpec, spec: ScheduleSpec | None) -> str:
    """Return how much of its billing period a part is."""
    period = one_off.period
    if spec is None or period is None or one_off.reason not in {"proration", "credit", "stub"}:
        return ""
    whole = _period_around(period, spec)
    return f", {period.days} of {whole.days} days of this period" if whole and whole.covers(period) else ""


def _period_around(period: Period, spec: ScheduleSpec) -> Period | None:
    days = [*recurring_days(spec), spec.end]
    began = max((day for day in days if day <= period.start), default=None)
    ends = min((day for day in days if day > period.start), default=None)
    return Period(began, ends) if began and ends else None


def _when(one_off: OneOffSpec, spec: ScheduleSpec | None, today: date | None) -> str:
    if one_off.way in _WAYS:
        return _WAYS[one_off.way]
    if spec is None:
        return ""
    if today is not None:
        day = next((day for day in recurring_days(spec) if day > today), None)
        return f"billed with the next invoice on {day}" if day else ""
    days = [day for _, day, entry in one_off_days(spec, spec.start) if entry == one_off]
    return f"billed with the invoice of {days[0]}" if days else ""
