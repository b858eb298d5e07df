"""Renewal deals under each policy, and what is wrong about them."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from connector.domain.errors import RejectedError
from connector.mapping.mapping_file import MappingFile
from connector.mapping.rules import Const, Rule
from connector.sync import Desk
from tests.hubspot.world import MAPPING, HubSpotWorld, monthly

SEATS = partial(monthly, name="Seat", hs_sku="SEAT", bsync_line_key="seats")


def mapping(renewal: str) -> MappingFile:
    policies = {**MAPPING.sections["policies"], "renewal": Rule(Const(renewal))}
    return replace(MAPPING, sections={**MAPPING.sections, "policies": policies})


def desk_of(world: HubSpotWorld, renewal: str) -> Desk:
    return replace(world.desk(world.crm(renewal=renewal)), mapping=mapping(renewal))


def renewed(world: HubSpotWorld, **values: Any) -> tuple[str, str]:
    """Sell a year from December 2026 and renew it; return both deals."""
    company = world.company()
    first = world.deal(company, [SEATS(10, 20, "2026-12-01")])
    known = {"bsync_action": "renew", "amends": first, "dealname": "Renewal", **values}
    return first, world.deal(company, [SEATS(12, 21, "2027-12-01")], **known)


@pytest.mark.parametrize("asked", [0, 1])
def test_a_renewal_is_handed_over_with_links_both_ways(world: HubSpotWorld, asked: int) -> None:
    deals = renewed(world)
    desk = desk_of(world, "hand_over")
    world.sync(deals[1], desk=desk)
    found = {one.contract.ref: one.contract for one in world.plan(*deals, desk=desk) if one.contract}
    first, second = (found[deal] for deal in deals)
    assert (first.renews, first.renewed_by) == (None, deals[1])
    assert (second.renews, second.renewed_by) == (deals[0], None)
    told = {one.raw.root.id for one in world.plan(deals[asked], desk=desk)}
    assert told == ({deals[0]} if asked == 0 else set(deals)), "who looks at a renewal looks at what it renews, too"


def test_an_appended_renewal_is_the_same_contract(world: HubSpotWorld) -> None:
    first, second = renewed(world)
    desk = desk_of(world, "append")
    (result,) = world.sync(second, desk=desk)
    assert result.outcome == "applied"
    contract = result.planned.contract
    assert contract is not None
    assert [(r.ref, r.kind.value) for r in contract.revisions] == [(first, "initial"), (second, "renewal")]
    assert str(contract.end) == "2028-12-01"
    schedules = desk.account.api.get("/v1/subscription_schedules")["data"]
    assert [len(schedule["phases"]) for schedule in schedules] == [2]
    assert {world.portal.records("deals")[deal]["bsync_contract_key"] for deal in (first, second)} == {first}


def test_what_changes_an_appended_renewal_changes_the_contract(world: HubSpotWorld) -> None:
    first, second = renewed(world)
    line = SEATS(5, 21, "2028-03-01", months=9, bsync_change="add")
    third = world.deal(None, [line], amends=second, bsync_effective_date="2028-03-01")
    (planned,) = world.plan(third, desk=desk_of(world, "append"))
    assert [revision.record.id for revision in planned.raw.revisions] == [first, second, third]
    assert planned.issues == ()


def test_a_separate_renewal_knows_of_nothing(world: HubSpotWorld) -> None:
    deals = renewed(world)
    found = world.plan(*deals, desk=desk_of(world, "separate"))
    assert [(one.contract.renews, one.contract.renewed_by) for one in found if one.contract] == [(None, None)] * 2


def test_a_renewal_of_a_renewal_goes_on(world: HubSpotWorld) -> None:
    first, second = renewed(world)
    line = SEATS(12, 22, "2028-12-01")
    third = world.deal(world.company(), [line], amends=second, bsync_action="renew")
    (planned,) = world.plan(first, desk=desk_of(world, "append"))
    assert [revision.record.id for revision in planned.raw.revisions] == [first, second, third]
    assert str(planned.contract and planned.contract.end) == "2029-12-01"
    handed = {one.raw.root.id for one in world.plan(third, desk=desk_of(world, "hand_over"))}
    assert handed == {second, third}


def codes(world: HubSpotWorld, deal: str, renewal: str) -> set[str]:
    found = world.plan(deal, desk=desk_of(world, renewal))
    (planned,) = (one for one in found if deal in {revision.record.id for revision in one.raw.revisions})
    return {issue.code.value for issue in planned.issues if issue.blocks}


def test_a_renewal_that_begins_too_early_is_refused(world: HubSpotWorld) -> None:
    company = world.company()
    first = world.deal(company, [SEATS(10, 20, "2026-12-01")])
    world.deal(company, [SEATS(10, 20, "2027-10-01")], amends=first, bsync_action="renew")
    assert codes(world, first, "append") == {"RENEWAL"}


def test_a_renewal_that_says_no_day_begins_at_the_end_or_is_refused(world: HubSpotWorld) -> None:
    company = world.company()
    first = world.deal(company, [SEATS(10, 20, "2026-12-01")])
    second = world.deal(company, [SEATS(10, 20)], amends=first, bsync_action="renew")
    (planned,) = world.plan(second, desk=desk_of(world, "append"))
    assert planned.contract is not None
    assert [str(line.start) for line in planned.contract.lines] == ["2026-12-01", "2027-12-01"]
    assert "START_MISSING" in codes(world, second, "hand_over"), "the day of closing lies in the term before"


def test_a_renewal_that_is_billed_apart_already_is_not_appended(world: HubSpotWorld) -> None:
    first, second = renewed(world)
    world.sync(first, second, desk=desk_of(world, "hand_over"))
    assert "RENEWAL" in codes(world, first, "append")


def test_a_renewal_of_several_deals_is_refused(world: HubSpotWorld) -> None:
    company = world.company()
    deals = [world.deal(company, [SEATS(1, 20, "2026-12-01")]) for _ in range(2)]
    both = world.deal(
        company,
        [SEATS(1, 20, "2027-12-01")],
        amends=deals[0],
        bsync_original_deal=deals[1],
        bsync_action="renew",
    )
    for renewal in ("append", "hand_over"):
        crm = world.crm(renewal=renewal)
        with pytest.raises(RejectedError, match="several deals"):
            list(crm.fetch([world.ref(both)], MAPPING.paths))
