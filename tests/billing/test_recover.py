"""A write whose answer was lost: by its key for a day, by looking afterwards, and never by guessing."""

from datetime import timedelta

import pytest

from connector.billing.recover import KEY_LIFETIME
from connector.sandbox.http import FaultRule
from tests.wiring import KEY, World

#: Order, the write whose answer gets lost, and what Stripe must hold of the kind afterwards.
LOST = [
    ("ramp", "=/v1/customers", "customer"),
    ("ramp", "=/v1/products", "product"),
    ("ramp", "=/v1/prices", "price"),
    ("ramp", "=/v1/subscription_schedules", "subscription_schedule"),
    ("usage", "=/v1/billing/meters", "billing.meter"),
    ("coupons", "=/v1/coupons", "coupon"),
    ("one_time", "=/v1/invoices", "invoice"),
    ("one_time", "/add_lines", "invoiceitem"),
    ("one_time", "/finalize", "invoice"),
]


def lose(world: World, route: str) -> None:
    """Let Stripe do a write and nobody hear of it."""
    world.stripe.inject(FaultRule("POST", route, action="drop_after"))


def counts(world: World) -> dict[str, int]:
    return {kind: len(held) for kind, held in world.stripe.state[KEY].objects.items() if held and kind != "event"}


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, dict[str, int]]:
    found = {}
    for name in {name for name, _, _ in LOST}:
        with World() as world:
            world.sync(world.desk(), name)
            found[name] = counts(world)
    return found


@pytest.mark.parametrize("hours", [0, 48], ids=lambda hours: f"{hours}h later")
@pytest.mark.parametrize(("name", "route", "kind"), LOST, ids=[f"{name} {route}" for name, route, _ in LOST])
def test_nothing_is_made_twice(
    world: World, undisturbed: dict[str, dict[str, int]], *, name: str, route: str, kind: str, hours: int
):
    desk = world.desk()
    lose(world, route)
    (result,) = world.sync(desk, name)
    assert result.outcome == "waiting"
    assert len(desk.account.journal.pending_intents(desk.name)) == 1
    world.later(hours)
    (result,) = world.sync(desk, name)
    assert (result.outcome, result.error) in {("applied", None), ("nothing", None)}
    assert counts(world) == undisturbed[name]
    assert kind in undisturbed[name]
    assert desk.account.journal.pending_intents(desk.name) == ()
    (result,) = world.sync(desk, name)
    assert (result.outcome, result.writes) == ("nothing", 0)


@pytest.mark.parametrize("hours", [1, 48])
def test_a_write_that_never_arrived_is_made(world: World, undisturbed: dict[str, dict[str, int]], hours: int):
    desk = world.desk()
    world.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", action="drop_before"))
    world.sync(desk, "ramp")
    world.later(hours)
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.error) == ("applied", None)
    assert counts(world) == undisturbed["ramp"]


def test_while_the_key_counts_nothing_is_looked_for(world: World):
    desk = world.desk()
    lose(world, "=/v1/subscription_schedules")
    world.sync(desk, "ramp")
    world.later((KEY_LIFETIME - timedelta(minutes=1)) / timedelta(hours=1))
    before = len(world.stripe_calls())
    world.sync(desk, "ramp")
    assert world.stripe_calls()[before:] == ["POST /v1/subscription_schedules"]


def test_a_lost_customer_is_found_among_many_by_our_metadata(world: World):
    desk = world.desk()
    lose(world, "=/v1/customers")
    world.sync(desk, "ramp")
    (ours,) = world.stripe.state[KEY].objects["customer"]
    for number in range(130):
        world.api().post("/v1/customers", {"metadata": {"number": number}}, idempotency_key=f"other {number}")
    world.later(48)
    (result,) = world.sync(desk, "ramp")
    assert result.outcome == "applied"
    link = desk.account.journal.link(desk.name, "customer", str(result.planned.raw.root.fields["AccountId"]))
    assert link is not None
    assert link.stripe_id == ours


def test_what_was_changed_in_the_meantime_is_seen(world: World):
    """The found schedule says what the lost write said; the order says more by now."""
    desk = world.desk()
    lose(world, "=/v1/subscription_schedules")
    world.sync(desk, "ramp")
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    world.later(48)
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.error) == ("applied", None)
    (schedule,) = world.stripe.state[KEY].objects["subscription_schedule"].values()
    fields = schedule["default_settings"]["invoice_settings"]["custom_fields"]
    assert fields == [{"name": "PO number", "value": "PO-NEW"}]
