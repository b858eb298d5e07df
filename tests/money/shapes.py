"""The shapes a sold contract takes, one case each, named for what is special about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from zlib import crc32

from connector.sandbox.salesforce.terms import add_months
from connector.sandbox.seed.catalog import Product
from connector.sandbox.seed.closing import Coupon, Deal
from connector.sandbox.seed.lines import Sold, evergreen, line, once, ramp
from tests.money.goods import CURRENCIES, CUSTOMERS, FREE, FREQUENCIES, SEAT, SETUP, SITE, UNIT
from tests.money.world import Amended, Case

FIRST, MIDDLE = date(2026, 12, 1), date(2026, 12, 15)
THREE_YEARS = [(20, "1080"), (35, "1140"), (50, "1200")]


def shapes() -> list[Case]:
    """Return them all."""
    return [*_flat(), *_ramps(), *_parts(), *_rounded(), *_coupons(), *_month_ends(), *_late(), *amended_shapes()]


def _case(
    name: str,
    lines: Sequence[Sold],
    *,
    start: date = FIRST,
    months: int = 12,
    currency: str = "USD",
    coupons: Sequence[Coupon] = (),
    amendments: Sequence[Amended] = (),
    policies: Mapping[str, str] | None = None,
) -> Case:
    customer = CUSTOMERS[crc32(name.encode()) % len(CUSTOMERS)]
    deal = Deal(name, customer, name, start, months, lines, 1, currency=currency, coupons=coupons)
    return Case(deal, tuple(amendments), policies or {})


def _flat() -> Iterator[Case]:
    for frequency in FREQUENCIES:
        yield _case(f"two years, {frequency}", [line(SEAT, 7, FIRST, months=24, frequency=frequency)], months=24)
    for currency in CURRENCIES:
        sold = [line(SEAT, 5, FIRST, months=12), line(UNIT, 3, FIRST, months=12), once(SETUP, 2, FIRST)]
        yield _case(f"in {currency}", sold, currency=currency)
    yield _case("free beside paid", [line(SEAT, 5, FIRST, months=12), line(FREE, 1, FIRST, months=12)])
    yield _case("all free", [line(FREE, 1, FIRST, months=12)])
    later = once(SETUP, 1, add_months(FIRST, 5))
    yield _case("a fee on a billing date", [line(UNIT, 5, FIRST, months=12), later])
    yield _case("a fee in mid-period", [line(SEAT, 5, FIRST, months=12), later])
    for mode in ("classic", "flexible"):
        sold = [line(SEAT, 5, FIRST, months=24, frequency="Quarterly"), later]
        yield _case(f"{mode} mode", sold, months=24, policies={"billing_mode": mode})


def _ramp(product: Product, rows: Sequence[tuple[int | str, str | None]], **how: object) -> list[Sold]:
    return ramp(product, FIRST, rows, **how)  # type: ignore[arg-type]


def _ramps() -> Iterator[Case]:
    years = _ramp(SEAT, THREE_YEARS)
    yield _case("by year", years, months=36)
    yield _case("by year, beside a flat line", [*years, line(SITE, 1, FIRST, months=36)], months=36)
    yield _case("by year, billed monthly", _ramp(SEAT, THREE_YEARS, frequency="Monthly"), months=36)
    quarters: list[tuple[int | str, str | None]] = [(25, None), (60, "17"), (45, None), (80, "19.5")]
    yield _case("by quarter", _ramp(UNIT, quarters, by="Quarter", frequency="Quarterly"))
    yield _case("by quarter, billed yearly", _ramp(UNIT, quarters, by="Quarter", frequency="Annual"))
    yield _case("by month", _ramp(UNIT, [(n, None) for n in (10, 20, 35, 35, 50, 60)], by="Month"), months=6)
    uneven = _ramp(SITE, THREE_YEARS, by="Custom", months=(6, 9, 9), frequency="Quarterly", key=2)
    yield _case("uneven segments", uneven, months=24)
    front = _ramp(SEAT, THREE_YEARS, by="Custom", months=(3, 12, 12))
    yield _case("a short front end", front, months=27)
    yield _case("a short front end, stub first", front, months=27, policies={"stub": "first"})
    quarterly = _ramp(SEAT, THREE_YEARS, frequency="Quarterly", key=1)
    yield _case("two ramps that do not meet", [*quarterly, *uneven], months=36)


def _parts() -> Iterator[Case]:
    for stub in ("last", "first"):
        eighteen = [line(SEAT, 3, MIDDLE, months=18), line(SITE, 1, MIDDLE, months=18)]
        yield _case(f"eighteen months, stub {stub}", eighteen, start=MIDDLE, months=18, policies={"stub": stub})
        odd = replace(line(SITE, 2, FIRST, months=12), end=date(2028, 1, 20), months=None)
        yield _case(f"a stub of days, stub {stub}", [odd], months=12, policies={"stub": stub})
        joins = replace(line(SITE, 4, FIRST, months=24), start=date(2027, 2, 18), months=None)
        sold = [line(SEAT, 3, FIRST, months=24), joins]
        yield _case(f"joins on its own day, stub {stub}", sold, months=24, policies={"stub": stub})
        leaves = replace(line(SITE, 4, FIRST, months=24), end=date(2028, 7, 9), months=None)
        yield _case(
            f"leaves on its own day, stub {stub}", [line(SEAT, 3, FIRST, months=24), leaves], policies={"stub": stub}
        )
    both = [line(SEAT, 3, FIRST, months=12), line(SITE, 2, FIRST, months=12, frequency="Monthly")]
    yield _case("two frequencies", both)


def _rounded() -> Iterator[Case]:
    for rounding in ("report", "adjust"):
        sold = [line(SITE, 3, FIRST, months=12, price="1000.01", frequency="Monthly")]
        yield _case(f"thirds of a cent, {rounding}", sold, policies={"rounding": rounding})
        steps = _ramp(SITE, [(7, "1000"), (11, "1000.1")], frequency="Monthly")
        yield _case(f"thirds in a ramp, {rounding}", steps, months=24, policies={"rounding": rounding})


def _coupons() -> Iterator[Case]:
    steps = _ramp(UNIT, [(10, None), (20, None), (30, None)], by="Quarter", frequency="Monthly")
    for duration, months in (("once", None), ("repeating", 4.0), ("forever", None)):
        for amount in ({"Percent_Off__c": 12.5}, {"Amount_Off__c": 15.0}):
            for on in (None, 1, 2):
                terms = {"Duration__c": duration, "Duration_In_Months__c": months, **amount}
                name = f"{next(iter(amount))[:7]} off {duration}, on {f'line {on}' if on else 'the order'}"
                sold = [*steps, line(SITE, 1, FIRST, months=9, frequency="Monthly"), once(SETUP, 1, FIRST)]
                yield _case(name, sold, months=9, coupons=[Coupon("Some off", terms, line=on)])


def _month_ends() -> Iterator[Case]:
    for start in (date(2027, 1, 29), date(2027, 1, 30), date(2027, 1, 31), date(2028, 2, 29)):
        for frequency in ("Monthly", "Quarterly", "Annual"):
            steps = ramp(SITE, start, [(3, None), (5, None)], frequency=frequency)
            yield _case(f"from {start}, {frequency}", steps, start=start, months=24)
        stub = [line(SITE, 3, start, months=17, frequency="Semiannual")]
        for which in ("last", "first"):
            yield _case(f"from {start}, with a stub, {which}", stub, start=start, months=17, policies={"stub": which})


def _late() -> Iterator[Case]:
    """Signed months ago: TODAY is 24 November 2026."""
    for start in (date(2026, 2, 10), date(2026, 8, 31), date(2026, 11, 24), date(2025, 11, 24)):
        steps = ramp(UNIT, start, [(10, None), (20, None), (30, None), (40, None)], by="Quarter", frequency="Monthly")
        years = ramp(SEAT, start, THREE_YEARS, frequency="Quarterly")
        joins = replace(line(SITE, 2, start, months=24), start=add_months(start, 2), months=None)
        for policy in ("bill", "skip"):
            for mode in ("flexible", "classic"):
                how = {"backdated_start": policy, "billing_mode": mode}
                told = f"since {start}, {policy}, {mode}"
                if start > date(2025, 11, 24):
                    yield _case(f"quarters {told}", [*steps, once(SETUP, 1, start)], start=start, policies=how)
                yield _case(f"years {told}", years, start=start, months=36, policies=how)
                yield _case(
                    f"joined {told}", [line(SEAT, 1, start, months=24), joins], start=start, months=24, policies=how
                )
    for months in (1.0, 6.0, 14.0):
        start = date(2026, 8, 10)
        terms = {"Duration__c": "repeating", "Duration_In_Months__c": months, "Percent_Off__c": 25.0}
        sold = [line(UNIT, 10, start, months=24), line(SITE, 1, start, months=24, frequency="Monthly")]
        for on in (None, 1):
            name = f"late with a coupon of {months:.0f} months, on {on}"
            yield _case(name, sold, start=start, months=24, coupons=[Coupon("Off", terms, line=on)])


def amended_shapes() -> Iterator[Case]:
    sold = [line(SEAT, 50, FIRST, months=24), line(SITE, 2, FIRST, months=24)]
    boundary, inside, later = date(2027, 12, 1), date(2027, 4, 1), date(2028, 2, 12)
    for name, *changes in (
        ("more on a boundary", Amended(boundary, {1: 70})),
        ("more in mid-period", Amended(inside, {1: 70})),
        ("more on an odd day", Amended(later, {1: 53})),
        ("fewer on a boundary", Amended(boundary, {1: 30})),
        ("fewer in mid-period", Amended(inside, {1: 30})),
        ("one product ends", Amended(inside, {2: 0})),
        ("more, then fewer", Amended(inside, {1: 70}), Amended(boundary, {1: 40})),
        ("everything ends on a boundary", Amended(boundary, {1: 0, 2: 0})),
        ("everything ends in mid-period", Amended(inside, {1: 0, 2: 0})),
        ("both in one", Amended(inside, {1: 60, 2: 1})),
        ("fewer, then more", Amended(inside, {1: 40}), Amended(later, {1: 44})),
    ):
        yield _case(name, sold, months=24, amendments=changes)
    steps = _ramp(SEAT, THREE_YEARS)
    change = Amended(date(2028, 3, 1), {2: 40, 3: 60})
    yield _case("a ramp amended ahead", steps, months=36, amendments=[change])


def endless_shapes() -> Iterator[Case]:
    """Return contracts without an end, amended and ended: they begin on 1 December 2026."""
    boundary, inside, later = date(2027, 6, 1), date(2027, 4, 12), date(2028, 2, 12)
    monthly = [evergreen(UNIT, 10, FIRST), evergreen(SITE, 2, FIRST, frequency="Monthly")]
    yield _case("endless", monthly, months=1)
    yield _case("endless, billed yearly", [evergreen(SITE, 3, FIRST)], months=1)
    yield _case(
        "endless, priced by the month, billed by the quarter", [evergreen(UNIT, 3, FIRST, frequency="Quarterly")]
    )
    yield _case("endless, thirds of a cent", [evergreen(SITE, 3, FIRST, price="1000.01", frequency="Monthly")])
    yield _case("endless, two frequencies", [evergreen(UNIT, 5, FIRST), evergreen(SITE, 1, FIRST)])
    yield _case(
        "endless beside a year", [evergreen(UNIT, 5, FIRST), line(SEAT, 3, FIRST, months=12, frequency="Monthly")]
    )
    yield _case("endless and a fee", [evergreen(UNIT, 5, FIRST), once(SETUP, 1, add_months(FIRST, 5))])
    for start in (date(2027, 1, 31), date(2028, 2, 29)):
        yield _case(f"endless from {start}", [evergreen(UNIT, 5, start)], start=start, months=1)
    for name, *changes in (
        ("endless, more on a boundary", Amended(boundary, {1: 15})),
        ("endless, more in mid-period", Amended(inside, {1: 15})),
        ("endless, fewer on a boundary", Amended(boundary, {1: 4})),
        ("endless, fewer in mid-period", Amended(inside, {1: 4})),
        ("endless, more, then fewer than ever", Amended(inside, {1: 15}), Amended(later, {1: 3})),
        ("endless, one product ends", Amended(boundary, {2: 0})),
        ("endless, ended on a boundary", Amended(boundary, {1: 0, 2: 0})),
        ("endless, ended in mid-period", Amended(inside, {1: 0, 2: 0})),
        ("endless, changed in three years", Amended(date(2029, 12, 1), {1: 20})),
    ):
        yield _case(name, monthly, months=1, amendments=changes)
