"""Updates and ends whose answers were lost: the next look finds out what became of them, and nothing stays open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from connector.plan.safety import Limits
from connector.sync import Desk
from tests.sync.test_orphans import statuses, take_everything_away
from tests.wiring import KEY, World


@pytest.fixture
def desk(world: World) -> Desk:
    desk = world.desk(limits=Limits(min_population=100, max_terminations=5))
    world.sync(desk, "yen")
    return desk


@contextmanager
def killed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Die after Stripe answered, before the answer is written down."""

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(desk.account.journal, "record_result", die)
        with pytest.raises(KeyboardInterrupt):
            yield


def change(world: World, quantity: float) -> None:
    rows = world.salesforce.records("OrderItem").items()
    line = next(key for key, row in rows if row["OrderId"] == world.orders["yen"] and row["Quantity"] != 1.0)
    world.salesforce.update("OrderItem", line, {"Quantity": quantity})


def quantities(world: World) -> list[int]:
    (schedule,) = world.stripe.state[KEY].objects["subscription_schedule"].values()
    return sorted(item["quantity"] for item in schedule["phases"][0]["items"])


def open_intents(desk: Desk) -> int:
    return len(desk.account.journal.pending_intents(desk.name))


def settled(world: World, desk: Desk) -> bool:
    """Tell whether nothing is left to do or to ask."""
    before = len(world.stripe_calls())
    (result,) = world.sync(desk, "yen")
    return result.outcome == "nothing" and len(world.stripe_calls()) == before and open_intents(desk) == 0


def test_an_update_that_happened_is_known_by_its_effect(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch):
    change(world, 9.0)
    with killed(desk, monkeypatch):
        world.sync(desk, "yen")
    assert (quantities(world), open_intents(desk)) == ([1, 9], 1)
    (result,) = world.sync(desk, "yen")
    assert (result.outcome, result.writes) == ("nothing", 0)
    assert settled(world, desk)


def test_an_order_changed_back_meanwhile_is_not_taken_for_unchanged(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    before = quantities(world)
    change(world, 9.0)
    with killed(desk, monkeypatch):
        world.sync(desk, "yen")
    change(world, float(before[-1]))
    (result,) = world.sync(desk, "yen")
    assert (result.outcome, quantities(world)) == ("applied", before)
    assert settled(world, desk)


def test_so_is_a_customer(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch):
    account = world.salesforce.records("Order")[world.orders["yen"]]["AccountId"]
    city = world.salesforce.records("Account")[account]["BillingCity"]
    world.salesforce.update("Account", account, {"BillingCity": "Elsewhere"})
    with killed(desk, monkeypatch):
        world.sync(desk, "yen")
    world.salesforce.update("Account", account, {"BillingCity": city})
    world.sync(desk, "yen")
    (customer,) = world.stripe.state[KEY].objects["customer"].values()
    assert customer["address"]["city"] == city
    assert settled(world, desk)


def test_an_end_that_happened_is_known_by_its_effect(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch):
    take_everything_away(world, "yen")
    with killed(desk, monkeypatch):
        world.sync(desk, "yen")
    assert (statuses(world, "yen"), open_intents(desk)) == (["canceled"], 1)
    assert world.sync(desk, "yen")[0].outcome == "nothing"
    assert settled(world, desk)
