"""Write-back: only what differs, in HubSpot's own words, and what happens when the account says no."""

from connector.crm.protocol import WriteBack
from connector.sandbox.hubspot import FaultRule, Rule
from tests.hubspot.world import HubSpotWorld, monthly


def deal_of(world: HubSpotWorld, **values: str) -> str:
    return world.deal(world.company(), [monthly(10, 20, "2026-12-01", name="Seat")], **values)


def write(deal: str, **fields: object) -> WriteBack:
    return WriteBack("deals", deal, {f"bsync_{name}": value for name, value in fields.items()})


def test_values_are_written_as_hubspot_takes_them(world: HubSpotWorld) -> None:
    deal = deal_of(world)
    (result,) = world.crm().write_back(
        [
            write(
                deal,
                status="Needs review",
                synced_at="2026-11-24T09:00:00.000+0000",
                current_mrr="12.50",
                segment_count=3,
            )
        ]
    )
    assert result.error is None
    told = world.portal.records("deals")[deal]
    assert (told["bsync_status"], told["bsync_synced_at"]) == ("needs_review", "2026-11-24T09:00:00.000Z")
    assert (told["bsync_current_mrr"], told["bsync_segment_count"]) == ("12.50", "3")


def test_nothing_clears_a_property(world: HubSpotWorld) -> None:
    deal = deal_of(world, bsync_error_code="X")
    world.crm().write_back([write(deal, error_code=None)])
    assert "bsync_error_code" not in world.portal.records("deals")[deal]


def test_a_hundred_records_travel_together(world: HubSpotWorld) -> None:
    deals = [
        world.portal.insert("deals", {"dealname": "D", "pipeline": "default", "dealstage": "closedwon"})
        for _ in range(150)
    ]
    results = world.crm().write_back([write(deal, contract_key=deal) for deal in deals])
    assert [result.error for result in results] == [None] * 150
    assert world.calls().count("POST /objects/deals/batch/update") == 2


def test_one_refused_record_does_not_hold_up_the_others(world: HubSpotWorld) -> None:
    good, other = deal_of(world), deal_of(world)
    refused, stored = world.crm().write_back([write(good, current_mrr="many"), write(other, current_mrr="5")])
    assert refused.error is not None
    assert "bsync_current_mrr" in refused.error
    assert stored.error is None
    assert world.portal.records("deals")[other]["bsync_current_mrr"] == "5"


def test_an_accounts_own_rule_is_told_and_the_status_still_arrives(world: HubSpotWorld) -> None:
    deal = deal_of(world)
    world.portal.add_rule(
        Rule("deals", property="bsync_stripe_url", pattern="nothing", message="Links are not allowed here")
    )
    (result,) = world.crm().write_back([write(deal, status="Synced", stripe_url="https://x.example")])
    assert result.error is not None
    assert "Links are not allowed here" in result.error
    told = world.portal.records("deals")[deal]
    assert told["bsync_status"] == "synced"
    assert "bsync_stripe_url" not in told


def test_a_refused_write_back_is_an_error_of_the_run_and_tried_again(world: HubSpotWorld) -> None:
    deal, desk = deal_of(world), world.desk()
    rule = Rule("deals", property="bsync_stripe_url", pattern="nothing", message="Links are not allowed here")
    world.portal.add_rule(rule)
    (result,) = world.poll(desk)
    assert result.outcome == "applied"
    assert result.error is not None
    assert "Links are not allowed here" in result.error
    world.portal.app.portal.rules.remove(rule)
    stripe = len(world.stripe.log)
    results = {one.planned.raw.root.id: one for one in world.poll(desk)}
    assert (results[deal].outcome, results[deal].error) == ("nothing", None)
    assert world.portal.records("deals")[deal]["bsync_stripe_url"].startswith("https://")
    assert not [record for record in world.stripe.log[stripe:] if record.method == "POST"]


def test_a_locked_record_is_waited_for(world: HubSpotWorld) -> None:
    deal = deal_of(world)
    world.portal.lock_once(deal)
    (result,) = world.crm().write_back([write(deal, contract_key="1")])
    assert result.error is None


def test_a_merged_record_is_written_by_its_old_id(world: HubSpotWorld) -> None:
    kept, lost = deal_of(world), deal_of(world)
    survivor = world.portal.merge("deals", kept, lost)
    (result,) = world.crm().write_back([write(lost, contract_key="1")])
    assert result.error is None
    assert world.portal.records("deals")[survivor]["bsync_contract_key"] == "1"


def test_an_account_without_our_properties_says_what_to_run() -> None:
    with HubSpotWorld(billing_sync=False) as world:
        deal = world.portal.insert("deals", {"dealname": "D", "pipeline": "default", "dealstage": "closedwon"})
        (result,) = world.crm().write_back([write(deal, status="Synced")])
        assert result.error == "the account has no property bsync_status; `connector setup hubspot` makes it"


def test_a_dropped_connection_after_the_write_does_no_harm(world: HubSpotWorld) -> None:
    deal = deal_of(world)
    world.portal.inject(FaultRule(method="POST", route="/deals/batch/update", action="drop_after"))
    (result,) = world.crm().write_back([write(deal, contract_key="7")])
    assert result.error is None
    assert world.portal.records("deals")[deal]["bsync_contract_key"] == "7"
