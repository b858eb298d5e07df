"""How one line falls on the billing grid: whole periods at one price, and the parts at its edges.

The grid is anchor + n intervals. A line's whole periods are billed by a recurring price; what is left at the front or
the back (a *part*) is worth the line's total minus the whole periods, so the sum is the CRM's to the minor unit:

    18 months at 180.00, billed yearly   → 1 at 120.00 and a part of 6 months at 60.00
    22 months at 4400.00, billed yearly, joining 10 months before the anniversary → part 2000.00, then 1 at 2400.00
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

from connector.domain.contract import Line, Policies
from connector.domain.money import line_amount, quantize, round_minor, to_minor, unit_amount
from connector.domain.period import DAYS_PER_MONTH, FOREVER, Period, Span, add_months, billing_dates, months_since, span


@dataclass(frozen=True, slots=True)
class Grid:
    """Where billing periods begin: every `interval` months, counted from `anchor`, and on the schedule's first day.

    The anchor lies before the start where a linked schedule begins later than the contract, and behind it where a stub
    comes first.
    """

    anchor: date
    interval: int
    start: date

    def on(self, day: date) -> bool:
        """Tell whether a billing period begins on `day`."""
        return day == self.start or self._counts(day)

    def _counts(self, day: date) -> bool:
        months = months_since(self.anchor, day)
        return months % self.interval == 0 and add_months(self.anchor, months) == day

    @property
    def counted_from(self) -> date:
        """Return the first day that is counted from the anchor: the start, or the day on which a first stub ends."""
        if self._counts(self.start):
            return self.start
        coming = Period(self.start, add_months(self.start, self.interval + 1))
        return next(billing_dates(self.anchor, self.interval, coming))

    def uneven(self, end: date) -> tuple[Period, ...]:
        """Return the first periods up to `end` whose dates Stripe would not count on from: 28 Feb leads to 28 Mar.

        There are none but where a linked schedule begins later than the contract, and that on a month's end.
        """
        dates = [*billing_dates(self.anchor, self.interval, Period(self.counted_from, add_months(end, self.interval)))]
        periods = [Period(one, other) for one, other in pairwise(dates) if one < end]
        for index in range(len(periods)):
            counted = (add_months(dates[index], step * self.interval) for step in range(len(periods) - index + 1))
            if list(counted) == dates[index : len(periods) + 1]:
                return tuple(periods[:index])
        return tuple(periods)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line shorter than a billing period. `amount` is the whole part in minor units, all units, signed."""

    period: Period
    length: Span
    amount: Fraction
    on_grid: bool


@dataclass(frozen=True, slots=True)
class LineBilling:
    """A line on the grid: `unit` minor units per unit and whole period, `full` the stretch of whole periods."""

    unit: Fraction
    full: Period | None
    periods: int
    parts: tuple[Part, ...]

    def part_at(self, period: Period) -> Part | None:
        """Return the part that covers `period`."""
        return next((part for part in self.parts if part.period.covers(period)), None)


def grid_for(start: date, end: date, interval: int, policies: Policies) -> Grid:
    """Return the grid of a schedule: counted from its start, or from its end when stubs come first.

    Stripe counts from the day on which the stub ends. Where that cannot give the later dates (from 28 Feb never
    31 Aug), the stub comes last after all. The start counts without a stub (three months from 31 Aug end on 30 Nov),
    and where nothing ends.
    """
    if end == FOREVER:
        return Grid(start, interval, start)
    whole = Grid(start, interval, start).on(end)
    first = policies.stub == "first" and not whole and _counts_on(start, end, interval)
    return Grid(end if first else start, interval, start)


def _counts_on(start: date, end: date, interval: int) -> bool:
    dates = [*billing_dates(end, interval, Period(start, end)), end]
    return all(add_months(dates[0], index * interval) == day for index, day in enumerate(dates))


def bill_line(line: Line, period: Period, grid: Grid, currency: str, policies: Policies) -> LineBilling:
    """Put a line with its own dates on the grid; pure arithmetic, whatever the line is for."""
    dates = tuple(billing_dates(grid.anchor, grid.interval, period))
    edges = (*dates, period.end) if dates and grid.on(period.end) else dates
    full = Period(edges[0], edges[-1]) if len(edges) > 1 else None
    count = max(len(edges) - 1, 0)
    stretches = _edges(period, full, dates)
    lengths = [(stretch, span(stretch.start, stretch.end, grid.anchor)) for stretch in stretches]
    weights = [_months(stretch, length, policies) / grid.interval for stretch, length in lengths]
    unit = _unit(line, grid.interval, count, sum(weights, Fraction(0)), currency)
    amounts = _part_amounts(line, unit, count, weights, currency)
    parts = tuple(
        Part(stretch, length, amount, grid.on(stretch.start))
        for (stretch, length), amount in zip(lengths, amounts, strict=True)
    )
    return LineBilling(unit, full, count, parts)


def _edges(period: Period, full: Period | None, dates: tuple[date, ...]) -> list[Period]:
    """Return what is not whole periods. A line across one billing date has a part before it and one after."""
    if full is None:
        cuts = [period.start, *(day for day in dates if day > period.start), period.end]
        return [Period(one, other) for one, other in pairwise(cuts)]
    edges = []
    if period.start < full.start:
        edges.append(Period(period.start, full.start))
    if full.end < period.end:
        edges.append(Period(full.end, period.end))
    return edges


def _months(stretch: Period, length: Span, policies: Policies) -> Fraction:
    """Return how many months a part counts: rounded up, months and days, or days alone, as the org has it."""
    match policies.precision:
        case "month":
            return Fraction(length.months + bool(length.days))
        case "month_day":
            return length.in_months
        case "day":
            return stretch.days / DAYS_PER_MONTH


def _unit(line: Line, interval: int, count: int, in_parts: Fraction, currency: str) -> Fraction:
    """Return minor units per unit and whole period.

    Whole periods only: price / periods, exact. With parts, list price and discount are preferred when they give the
    CRM's own (rounded) price, since dividing a rounded price back leaves 119.9998 where 120 was sold. A price for a
    term has nothing to do with the line's own time.
    """
    if line.period_price is not None:
        return to_minor(line.period_price, currency)
    price = to_minor(line.unit_price, currency)
    if line.price_term is not None:
        return price * interval / Fraction(line.price_term)
    if not in_parts:
        return price / count
    exact = _from_list_price(line, interval)
    if exact is not None:
        candidate = to_minor(exact, currency)
        if abs(candidate) * count <= abs(price):
            return candidate
    return price / (count + in_parts)


def _from_list_price(line: Line, interval: int) -> Fraction | None:
    if not line.multiplier or line.list_price is None:
        return None
    multiplier, listed = Fraction(line.multiplier), Fraction(line.list_price)
    scale = max(-int(line.unit_price.as_tuple().exponent), 2)
    for factor in (Fraction(1), 1 - Fraction(line.discount_percent or 0) / 100):
        if quantize(listed * multiplier * factor, scale) == line.unit_price:
            return listed * factor * interval / (line.list_term or 12)
    return Fraction(line.unit_price) / multiplier * interval / (line.list_term or 12)


def _part_amounts(line: Line, unit: Fraction, count: int, weights: list[Fraction], currency: str) -> list[Fraction]:
    """Share what the whole periods leave over the parts by their length; the last part takes the rounding."""
    if not weights:
        return []
    quantity = int(line.quantity)
    if line.period_price is not None or line.price_term is not None:
        return [Fraction(round_minor(unit * weight * quantity)) for weight in weights]
    whole = count * line_amount(unit_amount(unit), quantity)
    left = Fraction(round_minor(to_minor(line.total, currency))) - whole
    total = sum(weights, Fraction(0))
    shares = [Fraction(round_minor(left * weight / total)) for weight in weights[:-1]]
    return [*shares, left - sum(shares, Fraction(0))]
