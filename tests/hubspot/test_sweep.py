"""A sweep over HubSpot's deals: ids and dates of a search, archived and merged deals, our own writes."""

from datetime import timedelta

from connector.sweep import last_sweep, sweep
from connector.sync import Desk
from tests.hubspot.world import HubSpotWorld, monthly


def simple(world: HubSpotWorld) -> str:
    return world.deal(world.company(), [monthly(10, 20, "2026-12-01", name="Seat")])


def swept(world: HubSpotWorld, desk: Desk) -> dict[str, str]:
    world.later(minutes=30)
    world.portal.clock.advance(timedelta(minutes=30))
    results = sweep(desk, job="sweep", config_hash="")
    return {result.planned.raw.root.id: result.outcome for result in results}


def settled(world: HubSpotWorld) -> tuple[str, Desk]:
    deal, desk = simple(world), world.desk()
    for _ in range(3):
        world.poll(desk)
        world.portal.clock.advance(timedelta(minutes=20))
    return deal, desk


def test_our_own_write_back_is_nothing_to_sweep(world: HubSpotWorld) -> None:
    _, desk = settled(world)
    calls, stripe = len(world.portal.log), len(world.stripe.log)
    assert swept(world, desk) == {}
    assert world.calls(calls) == ["POST /objects/deals/search"]
    assert len(world.stripe.log) == stripe


def test_an_archived_deal_is_found_although_no_poll_sees_it(world: HubSpotWorld) -> None:
    deal, desk = settled(world)
    world.portal.archive("deals", deal)
    assert world.poll(desk) == []
    assert swept(world, desk) == {deal: "refused"}
    figures = last_sweep(desk)
    assert figures is not None
    assert (figures.gone, figures.found) == (1, 0)


def test_a_deal_that_the_index_heard_of_after_every_poll_is_found(world: HubSpotWorld) -> None:
    _, desk = settled(world)
    world.portal.set_lag(3_600.0)
    late = simple(world)
    world.portal.set_lag(0.0)
    for _ in range(2):
        world.portal.clock.advance(timedelta(minutes=29))
        world.poll(desk)
    world.portal.clock.advance(timedelta(minutes=10))
    assert world.poll(desk) == []
    assert swept(world, desk) == {late: "applied"}
    figures = last_sweep(desk)
    assert figures is not None
    assert figures.found == 1
