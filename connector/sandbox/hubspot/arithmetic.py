"""What the service works out from a line item: amounts, terms, and the recurring figures.

``price`` is per unit and billing cycle; ``amount`` is quantity times net price for one cycle. The recurring figures do
not look at start dates, so the yearly value of a ramp sold as one line per year is too high in HubSpot itself
(the vendor's community forum); the emulator keeps that, so that nobody comes to rely on the figure.
"""

from __future__ import annotations

import calendar
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.sandbox.hubspot.store import Values

CYCLE_MONTHS = {
    "monthly": 1,
    "quarterly": 3,
    "per_six_months": 6,
    "annually": 12,
    "per_two_years": 24,
    "per_three_years": 36,
    "per_four_years": 48,
    "per_five_years": 60,
}
CYCLE_DAYS = {"weekly": 7, "biweekly": 14}
_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_MONTH_DAYS = Decimal("365.25") / 12


@dataclass(frozen=True, slots=True)
class Period:
    """An ISO 8601 duration: months or days, whichever form it was written in."""

    months: int = 0
    days: int = 0

    @property
    def in_months(self) -> Decimal:
        """Return its length in months."""
        return self.months + Decimal(self.days) / _MONTH_DAYS

    def after(self, day: date) -> date:
        """Return the day on which a period that begins on ``day`` is over."""
        year, month = divmod(day.year * 12 + day.month - 1 + self.months, 12)
        moved = date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
        return moved + timedelta(self.days)


def parse_period(text: str) -> Period | None:
    """Read a duration; None when it is none."""
    found = _PERIOD.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    years, months, weeks, days = (int(group or 0) for group in found.groups())
    return Period(years * 12 + months, weeks * 7 + days)


def derived_line(values: Mapping[str, str]) -> Values:
    """Return everything the service calculates for a line; empty text where it has nothing to say."""
    quantity = _decimal(values.get("quantity")) if values.get("quantity") else Decimal(1)
    gross = _gross(values, quantity)
    share = 1 - _decimal(values.get("hs_discount_percentage")) / 100
    net = gross * share - _decimal(values.get("discount")) * quantity
    tax = _decimal(values.get("tax"))
    money = {
        "amount": net,
        "hs_pre_discount_amount": gross,
        "hs_total_discount": gross - net,
        "hs_effective_unit_price": net / quantity if quantity else Decimal(0),
        "hs_tax_amount": tax,
        "hs_post_tax_amount": net + tax,
    }
    return {name: plain(amount) for name, amount in money.items()} | _terms(values) | _recurring(values, net)


def _gross(values: Mapping[str, str], quantity: Decimal) -> Decimal:
    model = values.get("hs_pricing_model") or "flat"
    if model == "flat":
        return _decimal(values.get("price")) * quantity
    try:
        ranges = json.loads(values.get("hs_tier_ranges") or "[]")
        prices = {tier["index"]: Decimal(str(tier["price"])) for tier in json.loads(values["hs_tier_prices"])}
    except (ValueError, KeyError, TypeError):
        return Decimal(0)
    starts = [Decimal(str(tier["start"])) for tier in ranges]
    reached = [n for n, start in enumerate(starts) if start <= quantity] or [0]
    price = prices.get(reached[-1], Decimal(0))
    if model == "volume":
        return price * quantity
    if model == "stairstep":
        return price
    floors = [max(start - 1, Decimal(0)) for start in starts] + [max(quantity, starts[-1])]
    widths = [max(min(quantity, top) - floor, Decimal(0)) for floor, top in pairwise(floors)]
    return sum((prices.get(n, Decimal(0)) * width for n, width in enumerate(widths)), start=Decimal(0))


def _terms(values: Mapping[str, str]) -> Values:
    frequency, period = (
        values.get("recurringbillingfrequency"),
        parse_period(values.get("hs_recurring_billing_period", "")),
    )
    names = ("hs_recurring_billing_start_date", "hs_billing_start_delay_days", "hs_billing_start_delay_months")
    start = values.get("hs_recurring_billing_start_date")
    answer = {
        "hs_billing_start_delay_type": next((name for name in names if values.get(name)), ""),
        "hs_recurring_billing_terms": "",
        "hs_recurring_billing_number_of_payments": "",
        "hs_term_in_months": "",
        "hs_billing_period_start_date": start or "",
        "hs_billing_period_end_date": period.after(date.fromisoformat(start)).isoformat() if start and period else "",
    }
    if not frequency:
        return answer
    answer["hs_recurring_billing_terms"] = "FIXED" if period else "AUTOMATICALLY_RENEW"
    if period:
        answer["hs_term_in_months"] = str(round(period.in_months))
        answer["hs_recurring_billing_number_of_payments"] = plain(round(_payments(frequency, period), 0))
    return answer


def _payments(frequency: str, period: Period) -> Decimal:
    if frequency in CYCLE_DAYS:
        return Decimal(period.days) / CYCLE_DAYS[frequency]
    return period.in_months / CYCLE_MONTHS[frequency]


def _recurring(values: Mapping[str, str], net: Decimal) -> Values:
    frequency, period = (
        values.get("recurringbillingfrequency"),
        parse_period(values.get("hs_recurring_billing_period", "")),
    )
    if not frequency:
        return {"hs_mrr": "0", "hs_arr": "0", "hs_acv": plain(net), "hs_tcv": plain(net)}
    months = CYCLE_MONTHS.get(frequency) or Decimal(CYCLE_DAYS[frequency]) / _MONTH_DAYS
    monthly = net / months
    total = net * _payments(frequency, period) if period else monthly * 12
    yearly = total if period and period.in_months < 12 else monthly * 12
    figures = {"hs_mrr": monthly, "hs_arr": monthly * 12, "hs_acv": yearly, "hs_tcv": total}
    return {name: plain(amount) for name, amount in figures.items()}


def _decimal(text: str | None) -> Decimal:
    return Decimal(text) if text else Decimal(0)


def plain(amount: Decimal) -> str:
    """Return a number without exponent or idle zeros, ten decimals at most."""
    text = f"{round(amount, 10):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
