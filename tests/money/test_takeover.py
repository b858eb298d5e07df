"""Contracts taken over from another biller, on the Stripe emulator to the end: no paid period is billed again."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from connector.billing.observe import observe
from connector.compile.bills import one_off_charge, schedule_bills
from connector.compile.contract import compile_contract
from connector.compile.resource import DesiredState
from connector.domain.contract import Contract, Line, Product, Revision
from connector.domain.issues import IssueCode
from connector.plan.existing import NOTHING
from connector.plan.operation import Create, Update
from connector.plan.plan import make_plan
from tests.builders import END, START, amendment, contract, day, line, once, seeded
from tests.money.chance import cases
from tests.money.ledger import Days
from tests.money.life import Life, play
from tests.money.world import MoneyWorld
from tests.wiring import World

APRIL, JULY = day(2027, 4), day(2027, 7)
MARCH_2 = day(2027, 3, 2)
MONTHS = [day(2027, month) for month in range(1, 13)]


def monthly(*more: Line | Revision, until: date | None = None, **fields) -> Contract:
    """Return a contract of 100.00 a month."""
    return contract(line(interval=1), *more, billed_through=until, **fields)


def five_more(on: date) -> Revision:
    """Return an amendment that adds 50.00 a month."""
    left = 13 - on.month
    return amendment("A1", on, line("L2", quantity=5, price=10 * left, start=on, revises="L1", interval=1))


def bills(*found: tuple[date, int]) -> Days:
    return dict(found)


@pytest.mark.parametrize("fee", [START, day(2027, 2, 10)])
@pytest.mark.parametrize(
    ("heard", "first"),
    [(day(2026, 12, 20), None), (day(2027, 2, 15), None), (APRIL, APRIL), (day(2027, 5, 20), day(2027, 5, 20))],
    ids=["before it begins", "before that day", "on that day", "later"],
)
def test_billing_begins_on_the_day(heard: date, first: date | None, fee: date):
    """The one-time fee was due before, so that it was billed elsewhere too."""
    life = play([(heard, monthly(once(on=fee, price=70), until=APRIL))])
    late = [one for one in MONTHS if first and APRIL <= one <= first]
    expected = {one: 10000 for one in MONTHS if one >= APRIL and one not in late}
    if first:
        expected[first] = 10000 * len(late)
    assert life.days == dict(sorted(expected.items()))
    assert not life.plans[0].blocked


def test_a_day_within_a_period_leaves_that_period_to_the_other_biller():
    """What becomes due within it, a fee of 10 March, goes on the first invoice."""
    life = play([(day(2027, 2, 15), monthly(once(on=day(2027, 3, 10), price=70), until=MARCH_2))])
    assert life.days == bills((APRIL, 17000), *((one, 10000) for one in MONTHS if one > APRIL))


@pytest.mark.parametrize("heard", [day(2027, 5, 20), day(2027, 9, 10)])
def test_an_amendment_after_it_is_made_up_for(heard: date):
    """50.00 more a month from May on; those that had begun by then come with the next invoice."""
    versions = [(day(2027, 2, 15), monthly(until=APRIL)), (heard, monthly(five_more(day(2027, 5)), until=APRIL))]
    life = play(versions)
    late = sum(1 for one in MONTHS if day(2027, 5) <= one <= heard)
    following = next(one for one in MONTHS if one > heard)
    expected = {one: 10000 if one < heard else 15000 for one in MONTHS if one >= APRIL}
    expected[following] += 5000 * late
    assert life.days == expected


def test_an_amendment_from_before_is_made_up_for_from_the_day_on():
    """50.00 more from February; February and March were due before 1 April."""
    versions = [
        (day(2027, 2, 15), monthly(until=APRIL)),
        (day(2027, 5, 20), monthly(five_more(day(2027, 2)), until=APRIL)),
    ]
    life = play(versions)
    expected = {one: 10000 if one < day(2027, 6) else 15000 for one in MONTHS if one >= APRIL}
    expected[day(2027, 6)] += 5000 * 2
    assert life.days == expected


# --- schedules that run already, made by another connector -----------------------------------------------------


def adopt(life: Life, made: Contract, *, on: date) -> Contract:
    """Let the journal be lost: what is in Stripe is then somebody else's, but for its metadata; the CRM names it."""
    (schedule,) = life.world.api().get("/v1/subscription_schedules", {})["data"]
    (customer,) = life.world.api().get("/v1/customers", {})["data"]
    assert life.world.journal is not None
    life.world.journal.close()
    life.world.journal = None
    named = replace(made, stripe_id=schedule["id"], party=replace(made.party, stripe_id=customer["id"]))
    life.hear(named, on)
    return named


@pytest.mark.parametrize("until", [None, day(2027, 2), APRIL, MARCH_2, JULY, day(2026)])
def test_a_schedule_that_runs_goes_on_as_it_is(until: date | None):
    with World(START) as world:
        life = Life(world)
        life.hear(monthly(), START)
        named = adopt(life, monthly(until=until), on=day(2027, 4, 15))
        assert life.plans[-1].issues == ()
        assert [one.key.kind for one in life.plans[-1].operations] == ["product"], "which says: already there"
        assert life.hear(named, day(2027, 5, 15)).operations == ()
        life.live_to_the_end(named)
        assert life.invoiced() == dict.fromkeys(MONTHS, 10000)


@pytest.mark.parametrize("until", [day(2027, 3), MARCH_2, APRIL])
def test_what_it_did_not_bill_is_made_up_for_from_the_day_on(until: date):
    """50.00 more from February, of which nobody told: what was due before the day is not ours to bill."""
    with World(START) as world:
        life = Life(world)
        life.hear(monthly(), START)
        named = adopt(life, monthly(five_more(day(2027, 2)), until=until), on=day(2027, 4, 15))
        (update,) = [one for one in life.plans[-1].operations if not isinstance(one, Create)]
        assert isinstance(update, Update)
        assert life.hear(named, day(2027, 4, 16)).operations == ()
        life.live_to_the_end(named)
        missed = sum(1 for one in MONTHS if until <= one <= APRIL)
        expected = {one: 10000 if one <= APRIL else 15000 for one in MONTHS}
        expected[day(2027, 5)] += 5000 * missed
        assert life.invoiced() == expected


def test_a_day_to_come_gives_nothing_back():
    """The day is July, Stripe bills already: what it bills before is not compared, from July on all is as sold."""
    with World(START) as world:
        life = Life(world)
        life.hear(monthly(end=END), START)
        named = adopt(life, monthly(five_more(day(2027, 2)), until=JULY), on=day(2027, 4, 15))
        assert not life.plans[-1].blocked, life.plans[-1].issues
        life.live_to_the_end(named)
        assert life.invoiced() == {one: 10000 if one <= APRIL else 15000 for one in MONTHS}


# --- orders by chance ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_chance() -> list[Contract]:
    """Orders of every kind, amended."""
    with MoneyWorld(list(cases(20270401, 60))) as world:
        world.amend_all()
        found = [planned for _, planned in world.plan_live()]
    return [one.contract for one in found if one.contract and one.plan and not one.plan.blocked]


def test_what_is_due_from_the_day_on_is_what_was_due_without_it(by_chance: list[Contract]):
    """Before discounts, line by line; and every plan adds up, whenever it is heard of."""
    chance = seeded(4)
    taken = 0
    for made in by_chance:
        whole = compile_contract(made).desired
        assert whole is not None
        for _ in range(3):
            until = made.start + timedelta(days=chance.randint(-5, 700))
            later = replace(made, billed_through=until)
            compiled = compile_contract(later)
            assert compiled.desired is not None
            if any(issue.code is IssueCode.SCHEDULE_OVER for issue in compiled.issues):
                continue
            taken += 1
            assert due_from(until, compiled.desired) == due_from(until, whole), (made.ref, until)
            heard = until + timedelta(days=chance.randint(-40, 40))
            plan = make_plan(later, compile_contract(later, heard), NOTHING, heard)
            assert plan.tie_out is not None
            assert plan.tie_out.unexplained == 0, (made.ref, until, heard)
    assert taken > len(by_chance)


def due_from(first: date, desired: DesiredState) -> Mapping[str, int]:
    """Return what is due from a day on, by line."""
    sums: Counter[str] = Counter()
    for spec in desired.schedules:
        for bill in schedule_bills(spec, spec.start):
            for charge in bill.charges:
                sums[charge.line] += charge.gross if charge.owed_from >= first else 0
    for invoice in desired.invoices:
        for one in invoice.lines:
            gross = one_off_charge(one, one.line.start, invoice.currency).gross
            sums[one.line.ref] += gross if one.line.start >= first else 0
    return {line: amount for line, amount in sums.items() if amount}


# --- a schedule with products and prices of the other connector's own ------------------------------------------


def test_a_schedule_of_another_connector_is_found_by_its_metadata_and_nothing_differs():
    with World(START) as world:
        customer, product, schedule = another_connector(world)
        sold = Product("P1", "Product P1", stripe_id=product)
        made = contract(line(of=sold, interval=1), billed_through=APRIL)
        made = replace(made, party=replace(made.party, stripe_id=customer))
        Life(world).move_to(day(2027, 4, 15))
        desired = compile_contract(made).desired
        assert desired is not None
        account = world.desk().account
        unsought = observe(made, desired, account, world.now)
        assert all(key.kind != "subscription_schedule" for key in unsought.objects)
        found = observe(made, desired, account, world.now, seek=True)
        assert [one.id for key, one in found.objects.items() if key.kind == "subscription_schedule"] == [schedule]
        plan = make_plan(made, compile_contract(made), found, day(2027, 4, 15))
        assert not plan.blocked, [one.message for one in plan.issues]
        changes = [change.path for one in plan.operations if isinstance(one, Update) for change in one.changes]
        assert all("metadata" in path for path in changes), changes
        assert plan.settles == ()


def another_connector(world: World) -> tuple[str, str, str]:
    """Make a customer, a product and a schedule of 100.00 a month, as somebody else would."""
    api = world.api()
    customer = api.post("/v1/customers", {"name": "Theirs"}, idempotency_key="c")["id"]
    product = api.post("/v1/products", {"name": "Theirs"}, idempotency_key="p")["id"]
    terms = {"currency": "usd", "product": product, "unit_amount": 10000, "recurring": {"interval": "month"}}
    price = api.post("/v1/prices", terms, idempotency_key="t")["id"]
    item = {"price": price, "quantity": 1, "metadata": {"salesforce_order_item_id": "L1"}}
    phase = {"items": [item], "end_date": moment(END), "metadata": {"salesforce_order_id": "R1"}}
    params = {
        "customer": customer,
        "start_date": moment(START),
        "end_behavior": "cancel",
        "metadata": {"salesforce_order_id": "R1"},
        "phases": [phase],
    }
    return customer, product, api.post("/v1/subscription_schedules", params, idempotency_key="s")["id"]


def moment(on: date) -> int:
    return int(datetime.combine(on, time(), UTC).timestamp())
