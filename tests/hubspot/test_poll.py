"""Polls: what wakes a contract, what does not, and what it costs."""

from datetime import timedelta

import pytest

from connector.sweep import sweep
from tests.hubspot.world import HubSpotWorld, monthly

SEARCHES = [
    "POST /objects/deals/search",
    "POST /objects/line_items/search",
    "POST /objects/quotes/search",
    "POST /objects/companies/search",
]


def simple(world: HubSpotWorld, company: str | None = None) -> str:
    return world.deal(company or world.company(), [monthly(10, 20, "2026-12-01", name="Seat")])


def test_an_unchanged_poll_is_four_searches(world: HubSpotWorld) -> None:
    simple(world)
    desk = world.desk()
    world.poll(desk)
    world.poll(desk)
    calls = len(world.portal.log)
    assert world.poll(desk) == []
    assert world.calls(calls) == SEARCHES


def test_our_own_write_back_wakes_nothing(world: HubSpotWorld) -> None:
    deal, desk = simple(world), world.desk()
    desk.crm.changed(None)
    (result,) = world.poll(desk)
    assert result.outcome == "applied"
    changed = desk.crm.changed(desk.crm.changed(None).cursor)
    others = {ref.id for ref in changed.refs} - {deal}
    assert others == set()  # the line was never told; the deal and the company carry our own stamp
    assert desk.crm.changed(changed.cursor).refs == ()


def test_a_person_editing_after_our_write_is_seen(world: HubSpotWorld) -> None:
    deal, desk = simple(world), world.desk()
    world.poll(desk)
    world.poll(desk)
    world.portal.update("deals", deal, {"bsync_release": "false"})
    (result,) = world.poll(desk)
    assert [issue.code.value for issue in result.planned.issues] == ["ON_HOLD"]


@pytest.mark.parametrize("what", ["line_items", "companies"])
def test_what_hangs_on_a_deal_wakes_it(world: HubSpotWorld, what: str) -> None:
    deal, desk = simple(world), world.desk()
    world.poll(desk)
    world.poll(desk)
    (record,) = world.portal.associated("deals", deal, what)
    world.portal.update(what, record, {"description" if what == "line_items" else "phone": "+1555"})
    assert [result.planned.raw.root.id for result in world.poll(desk)] == [deal]


def test_a_quote_wakes_its_deal(world: HubSpotWorld) -> None:
    deal, desk = simple(world), world.desk()
    world.poll(desk)
    world.poll(desk)
    quote = world.portal.insert("quotes", {"hs_title": "Q", "hs_expiration_date": "2026-12-31", "hs_status": "DRAFT"})
    world.portal.associate("deals", deal, "quotes", quote)
    assert [result.planned.raw.root.id for result in world.poll(desk)] == [deal]


def test_an_amendment_wakes_the_deal_that_it_amends(world: HubSpotWorld) -> None:
    deal, desk = simple(world), world.desk()
    world.poll(desk)
    world.poll(desk)
    world.deal(None, amends=deal, bsync_action="terminate", bsync_effective_date="2027-06-01")
    (result,) = world.poll(desk)
    assert (result.outcome, result.planned.raw.root.id) == ("applied", deal)


def test_an_amendment_that_only_names_its_original_is_found_from_both_ends(world: HubSpotWorld) -> None:
    deal = simple(world)
    change = world.deal(None, bsync_original_deal=deal, bsync_action="terminate", bsync_effective_date="2027-06-01")
    for asked in (deal, change):
        (planned,) = world.plan(asked)
        assert [revision.record.id for revision in planned.raw.revisions] == [deal, change]


def test_more_than_ten_thousand_changes_at_one_moment_are_told_once_each() -> None:
    stamp = "2026-11-24T08:59:00.000Z"
    deals = {
        str(500_000 + n): {
            "dealname": f"D{n}",
            "pipeline": "default",
            "dealstage": "closedwon",
            "hs_lastmodifieddate": stamp,
        }
        for n in range(10_450)
    }
    with HubSpotWorld(records={"deals": deals}) as world:
        crm = world.crm()
        first = crm.changed(None)
        assert len(first.refs) == len({ref.id for ref in first.refs}) == 10_450
        assert world.calls() == ["POST /objects/deals/search"] * 53


def test_search_that_is_behind_loses_nothing() -> None:
    with HubSpotWorld(lag=(30.0, 30.0)) as world:
        desk = world.desk()
        deal = simple(world)
        assert deal not in {ref.id for ref in desk.crm.changed(None).refs}
        cursor = desk.crm.changed(None).cursor
        world.portal.clock.advance(timedelta(seconds=31))
        assert deal in {ref.id for ref in desk.crm.changed(cursor).refs}


def test_a_merged_deal_is_found_under_its_old_id(world: HubSpotWorld) -> None:
    company = world.company()
    kept, lost = simple(world, company), simple(world, company)
    survivor = world.portal.merge("deals", kept, lost)
    (planned,) = world.plan(lost)
    assert planned.raw.root.id == survivor


def test_a_deal_that_was_billed_and_merged_away_is_told(world: HubSpotWorld) -> None:
    company, desk = world.company(), world.desk()
    kept, lost = simple(world, company), simple(world, company)
    world.sync(kept, lost, desk=desk)
    survivor = world.portal.merge("deals", kept, lost)
    results = {result.planned.raw.root.id: result for result in sweep(desk, job="test", config_hash="")}
    gone = {key for key, one in results.items() if "RECORD_GONE" in [issue.code.value for issue in one.planned.issues]}
    assert gone == {kept, lost} - {survivor}
    stripe = len(world.stripe.log)
    (result,) = world.sync(survivor, desk=desk)
    assert survivor in {kept, lost} or result.outcome == "refused", "what it became is no contract of its own"
    assert not [record for record in world.stripe.log[stripe:] if record.method == "POST"]


def test_a_deep_sweep_sees_an_association_that_has_no_stamp(world: HubSpotWorld) -> None:
    deal, desk = simple(world), world.desk()
    world.poll(desk)
    world.poll(desk)
    (line,) = world.portal.associated("deals", deal, "line_items")
    world.portal.dissociate("deals", deal, "line_items", line)
    assert world.poll(desk) == []
    assert list(sweep(desk, job="test", config_hash="")) == []
    (result,) = sweep(desk, job="test", config_hash="", deep=True)
    assert result.planned.raw.root.id == deal
    assert "NO_LINES" in [issue.code.value for issue in result.planned.issues]


def test_an_archived_deal_that_is_billed_is_told_not_forgotten(world: HubSpotWorld) -> None:
    deal, desk = simple(world), world.desk()
    world.sync(deal, desk=desk)
    world.portal.archive("deals", deal)
    (result,) = world.sync(deal, desk=desk)
    (issue,) = result.planned.issues
    assert (result.outcome, issue.code.value, issue.record) == ("refused", "RECORD_GONE", deal)
    state = world.journal.contract("hubspot", deal)
    assert state is not None
    assert state.outcome == "refused", "on the page of the contract itself"


@pytest.mark.parametrize("change", [False, True])
def test_an_archived_deal_that_nothing_is_billed_for_is_nobodys_trouble(world: HubSpotWorld, change: bool) -> None:
    """A poll told it, and it was archived before anybody looked: an amendment, or a deal of its own."""
    desk = world.desk()
    first = simple(world)
    world.sync(first, desk=desk)
    more = [monthly(1, 20, "2027-03-01", name="Seat")]
    deal = world.deal(None, more, amends=first) if change else simple(world)
    world.portal.archive("deals", deal)
    assert world.sync(deal, desk=desk) == []
    assert world.journal.failures("hubspot") == ()


def test_who_is_billed_and_who_is_named_after_a_merge_is_told(world: HubSpotWorld) -> None:
    first, other = world.company(), world.company()
    simple(world, first)
    deal = simple(world, other)
    assert [result.outcome for result in world.sync(deal)] == ["applied"]
    world.portal.merge("companies", first, other)
    (result,) = world.sync(deal)
    assert [issue.code.value for issue in result.planned.issues] == ["CUSTOMER_CHANGED"]
    assert (result.outcome, result.writes) == ("nothing", 0)
