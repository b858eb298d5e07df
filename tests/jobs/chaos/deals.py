"""What people do in the HubSpot portal, step by step: the same for the calm run and for the one in the storm.

A script is made from a seed. It edits deals and their lines, commits late, wins deals, sells more by deals that amend,
ends, archives amendments again, moves stages to and fro, merges companies, corrects mistakes, and at the end archives a
deal that is billed. A deal is won last, when its lines and associations are there, as people do it.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

from connector.sandbox.seed import hubspot
from connector.sandbox.seed.hubspot import DEALS
from tests.jobs.chaos.emulators import Portal
from tests.jobs.chaos.script import Step, months_on, next_month

#: Deals that begin next month: what they are when they begin is billed, whenever it was edited.
FUTURE = ("ramp", "indexed", "steps", "native_ramp")
#: A deal that runs already: an edit counts from its next period on, from whenever it was billed as it was before.
RUNNING = "backdated"
#: Deals that are ended.
ENDED = ("discounts", "mixed", "free_months")
#: The deal that is moved out of its stage and back, and the one that is archived in the end.
MOVED, ARCHIVED = "euros", "pounds"
#: The only customer of this company buys in a currency of its own.
MERGED = ("yen", "10200000012")
#: Numbers of two customers that are new, and are merged in the end.
_NEW = (8_000_001, 8_000_002)
_COMPANY, _SEAT, _GUEST = "10200000009", "10700000001", "10700000003"
_PRIMARY, _AMENDS = 5, -1
_EXPANSION, _AGREED, _SIGNED = "214883071", "214883073", "214883074"
_SALES, _SENT, _WON = "default", "contractsent", "closedwon"

Lines = Mapping[str, tuple[str, ...]]


def script(seed: int, number: int, today: date) -> Iterator[Step]:
    """Yield about `number` steps, each kind at least once."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    lines = _lines(today)
    yield from _corrections(today, lines)
    yield Step("win a deal each of two new customers", lambda portal: _new_customers(portal, next_month(today)))
    for count in range(max(number, len(_KINDS))):
        yield _KINDS[count % len(_KINDS)](chance, count, today, lines)
    yield Step("merge the two new customers once both are billed", _merge_customers)
    yield Step(f"archive {ARCHIVED} once it is billed", _archive_billed)


def _corrections(today: date, lines: Lines) -> Iterator[Step]:
    """Correct two mistakes, win a deal that was open, and merge a company with one that somebody had made twice."""
    late = {"hs_recurring_billing_start_date": months_on(next_month(today), 12).isoformat()}
    yield Step("close the gap of gap", lambda portal: portal.edit("line_items", lines["gap"][1], late))
    only = {"discount": ""}
    yield Step("take a discount away", lambda portal: portal.edit("line_items", lines["both_discounts"][0], only))
    yield Step("win open", lambda portal: portal.edit("deals", DEALS["open"], {"dealstage": _WON}))
    yield Step("merge a company with its double once it is billed", _merge_double)


# --- kinds of steps -------------------------------------------------------------------------------------------


def _quantity(chance: random.Random, _: int, __: date, lines: Lines) -> Step:
    name, quantity = chance.choice(FUTURE), chance.randint(3, 60)
    line = chance.choice(lines[name])
    words = f"sell {quantity} instead in a line of {name}"
    return Step(words, lambda portal: portal.edit("line_items", line, {"quantity": str(quantity)}))


def _price_late(chance: random.Random, _: int, __: date, lines: Lines) -> Step:
    name, price, late = chance.choice(FUTURE), chance.randint(20, 60), chance.randint(30, 480)
    line = lines[name][0]
    words = f"another price in a line of {name}, found after {late} s"
    return Step(words, lambda portal: portal.edit("line_items", line, {"price": str(price)}, visible_in=late))


def _quantity_of_what_runs(chance: random.Random, _: int, __: date, lines: Lines) -> Step:
    quantity, line = chance.randint(13, 40), lines[RUNNING][0]

    def do(portal: Portal) -> None:
        _wait_until_billed(portal, DEALS[RUNNING])
        portal.edit("line_items", line, {"quantity": str(quantity)})

    return Step(f"sell {quantity} instead in {RUNNING} once it is billed", do)


def _new_business(chance: random.Random, count: int, today: date, _: Lines) -> Step:
    start, quantity = next_month(today), chance.randint(2, 30)
    return Step(
        f"win a new deal of {quantity} seats",
        lambda portal: _sell(portal, count, "a new deal", {"quantity": str(quantity), **_year(start)}),
    )


def _amendment(chance: random.Random, count: int, today: date, _: Lines) -> Step:
    name, months, more = chance.choice(FUTURE), chance.randint(1, 6), chance.randint(1, 9)
    start = months_on(next_month(today), months)
    return Step(f"amend {name} from {start}: {more} more", lambda portal: _amend(portal, count, name, start, more))


def _amendment_of_what_runs(chance: random.Random, count: int, today: date, _: Lines) -> Step:
    start, more = today + timedelta(days=chance.randint(3, 60)), chance.randint(1, 9)
    return Step(
        f"amend {RUNNING} from {start}: {more} more", lambda portal: _amend(portal, count, RUNNING, start, more)
    )


def _amendment_that_is_archived(chance: random.Random, count: int, today: date, _: Lines) -> Step:
    name, more = chance.choice(FUTURE), chance.randint(1, 9)
    start = months_on(next_month(today), 2)

    def do(portal: Portal) -> None:
        made = _amend(portal, count, name, start, more)
        time.sleep(0.7)  # long enough for a sync to see it, or not
        portal.archive("deals", made)

    return Step(f"amend {name} from {start}, and archive the amendment", do)


def _stage(_: random.Random, __: int, ___: date, ____: Lines) -> Step:
    def do(portal: Portal) -> None:
        portal.edit("deals", DEALS[MOVED], {"dealstage": _SENT})
        time.sleep(0.7)
        portal.edit("deals", DEALS[MOVED], {"dealstage": _WON})

    return Step(f"move {MOVED} back a stage, and win it again", do)


def _end(chance: random.Random, count: int, today: date, _: Lines) -> Step:
    name = ENDED[count // len(_KINDS) % len(ENDED)]
    day = months_on(next_month(today), chance.randint(6, 9))
    return Step(f"end {name} on {day}", lambda portal: _terminate(portal, name, day))


_KINDS: tuple[Callable[[random.Random, int, date, Lines], Step], ...] = (
    _quantity,
    _price_late,
    _amendment,
    _quantity_of_what_runs,
    _new_business,
    _amendment_of_what_runs,
    _stage,
    _amendment_that_is_archived,
    _end,
)


# --- what they come to ----------------------------------------------------------------------------------------


def _sell(
    portal: Portal,
    count: int,
    name: str,
    line: Mapping[str, str],
    *,
    company: str = _COMPANY,
    stages: tuple[str, str, str] = (_SALES, _SENT, _WON),
    amends: str = "",
    **values: str,
) -> str:
    """Put a deal together while it is open, then win it; its id is the same in every run."""
    pipeline, agreed, won = stages
    deal = f"1039{count:07d}"
    known = {"hs_object_id": deal, "dealname": name, "pipeline": pipeline, "dealstage": agreed}
    portal.insert("deals", {**known, "deal_currency_code": "USD", **values})
    portal.tie("deals", deal, "companies", company, _PRIMARY)
    if amends:
        portal.tie("deals", deal, "deals", amends, _AMENDS)
    if line:
        portal.insert("line_items", {"hs_object_id": f"1049{count:07d}", **line})
        portal.tie("deals", deal, "line_items", f"1049{count:07d}")
    portal.edit("deals", deal, {"dealstage": won})
    return deal


def _year(start: date, product: str = _SEAT, months: int = 12) -> dict[str, str]:
    names = {_SEAT: ("Inbox seat", "QM-SEAT", "39"), _GUEST: ("Guest seat", "QM-GUEST", "9")}
    name, sku, price = names[product]
    return {
        "hs_product_id": product,
        "name": name,
        "hs_sku": sku,
        "price": price,
        "recurringbillingfrequency": "monthly",
        "hs_recurring_billing_start_date": start.isoformat(),
        "hs_recurring_billing_period": f"P{months}M",
        "hs_line_item_currency_code": "USD",
    }


def _amend(portal: Portal, count: int, name: str, start: date, more: int) -> str:
    """Sell guest seats for three months more, in a deal of its own."""
    line = {**_year(start, _GUEST, 3), "quantity": str(more), "bsync_line_key": f"more-{count}", "bsync_change": "add"}
    return _sell(
        portal,
        count,
        f"more of {name}",
        line,
        stages=(_EXPANSION, _AGREED, _SIGNED),
        amends=DEALS[name],
        dealtype="existingbusiness",
        bsync_action="amend",
        bsync_effective_date=start.isoformat(),
    )


def _terminate(portal: Portal, name: str, day: date) -> None:
    """End a deal, unless it was."""
    number = 9_000_000 + ENDED.index(name)
    if f"1039{number:07d}" not in portal.rows("deals"):
        _sell(
            portal,
            number,
            f"the end of {name}",
            {},
            stages=(_EXPANSION, _AGREED, _SIGNED),
            amends=DEALS[name],
            dealtype="existingbusiness",
            bsync_action="terminate",
            bsync_effective_date=day.isoformat(),
        )


def _merge_double(portal: Portal) -> None:
    deal, company = MERGED
    _wait_until_billed(portal, DEALS[deal])
    double = portal.insert("companies", {"name": "Sakuragi Foods", "country": "Japan"})
    portal.merge("companies", company, double)


def _new_customers(portal: Portal, start: date) -> None:
    for number in _NEW:
        name = {"hs_object_id": f"1029{number:07d}", "name": f"Tidewater {number}", "country": "US"}
        company = portal.insert("companies", name)
        _sell(portal, number, "Front desk", {"quantity": "5", **_year(start)}, company=company)


def _merge_customers(portal: Portal) -> None:
    for number in _NEW:
        _wait_until_billed(portal, f"1039{number:07d}")
    portal.merge("companies", *(f"1029{number:07d}" for number in _NEW))


def _archive_billed(portal: Portal) -> None:
    _wait_until_billed(portal, DEALS[ARCHIVED])
    portal.archive("deals", DEALS[ARCHIVED])


def _wait_until_billed(portal: Portal, deal: str) -> None:
    """Wait until a deal says that it is billed: what an edit means depends on it."""
    deadline = time.monotonic() + 240
    while portal.rows("deals")[deal].get("bsync_status") != "synced":
        assert time.monotonic() < deadline, f"deal {deal} was never billed"
        time.sleep(0.2)


def _lines(today: date) -> Lines:
    """Return the lines of each deal of the seeded company, in order."""
    found: dict[str, list[str]] = {name: [] for name in DEALS}
    names = {deal: name for name, deal in DEALS.items()}
    for tie in hubspot.seed(today).associations:
        if (tie.source, tie.target) == ("deals", "line_items"):
            found[names[tie.source_id]].append(tie.target_id)
    return {name: tuple(lines) for name, lines in found.items()}
