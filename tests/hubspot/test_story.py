"""From a won deal to a schedule and back: the whole connector on the two emulators."""

from decimal import Decimal

from connector.plan.safety import Verdict
from tests.hubspot.world import HubSpotWorld, monthly, yearly

RAMP = [yearly(20, 90, "2026-12-01"), yearly(35, 95, "2027-12-01"), yearly(50, 100, "2028-12-01")]


def ramp(world: HubSpotWorld, **values: str) -> str:
    seat = world.product()
    lines = [{**line, "name": "Seat", "hs_product_id": seat} for line in RAMP]
    return world.deal(world.company(), [*lines, {"name": "Onboarding", "price": 4500}], **values)


def schedule_of(world: HubSpotWorld, deal: str) -> dict[str, object]:
    link = world.journal.link("hubspot", "subscription_schedule", deal)
    assert link is not None
    found: dict[str, object] = world.desk().account.api.get(f"/v1/subscription_schedules/{link.stripe_id}")
    return found


def test_a_ramp_becomes_a_schedule_and_the_deal_says_so(world: HubSpotWorld) -> None:
    deal = ramp(world)
    (planned,) = world.plan(deal)
    assert planned.plan is not None
    assert planned.plan.tie_out is not None
    assert (planned.plan.tie_out.crm, planned.plan.tie_out.difference) == (14_625_00, 0)

    (result,) = world.sync(deal)
    assert (result.outcome, result.error) == ("applied", None)
    phases = schedule_of(world, deal)["phases"]
    assert isinstance(phases, list)
    assert [phase["metadata"]["hubspot_segment_label"] for phase in phases] == ["Year 1", "Year 2", "Year 3"]
    assert [phase["metadata"]["hubspot_segment_index"] for phase in phases] == ["1", "2", "3"]
    assert [phase["metadata"]["hubspot_order_id"] for phase in phases] == [deal] * 3
    assert [item["quantity"] for phase in phases for item in phase["items"]] == [20, 35, 50]

    told = world.portal.records("deals")[deal]
    assert (told["bsync_status"], told["bsync_segment_count"]) == ("synced", "3")
    assert told["bsync_next_change_date"] == "2026-12-01"
    assert told["bsync_stripe_schedule_id"].startswith("sub_sched_")
    assert "bsync_error_code" not in told
    (company,) = world.portal.records("companies").values()
    assert company["bsync_stripe_customer_id"] == told["bsync_stripe_customer_id"]


def test_the_second_run_writes_nothing(world: HubSpotWorld) -> None:
    deal, desk = ramp(world), world.desk()
    world.sync(deal, desk=desk)
    calls, stripe = len(world.portal.log), len(world.stripe.log)
    (again,) = world.sync(deal, desk=desk)
    assert again.outcome == "nothing"
    assert len(world.stripe.log) == stripe
    assert not [call for call in world.calls(calls) if "update" in call or call.startswith("PATCH")]


def test_links_lead_to_the_records_of_the_account(world: HubSpotWorld) -> None:
    deal = ramp(world)
    (planned,) = world.plan(deal)
    assert planned.contract is not None
    assert planned.contract.link is not None
    assert planned.contract.link.endswith(f"/record/0-3/{deal}")
    assert planned.contract.party.link is not None
    assert f"/record/0-2/{planned.contract.party.ref}" in planned.contract.party.link
    assert planned.contract.lines[0].link is None  # a line item has no page of its own


def test_an_amendment_is_followed_before_the_schedule_runs(world: HubSpotWorld) -> None:
    deal, desk = ramp(world), world.desk()
    world.sync(deal, desk=desk)
    seat = next(iter(world.portal.records("products")))
    more = yearly(10, 95, "2027-12-01", name="Seat", hs_product_id=seat)
    change = world.deal(None, [more], amends=deal, bsync_effective_date="2027-12-01")
    (result,) = world.sync(change, desk=desk)
    assert (result.outcome, result.planned.raw.root.id) == ("applied", deal)
    phases = schedule_of(world, deal)["phases"]
    assert isinstance(phases, list)
    assert [[item["quantity"] for item in phase["items"]] for phase in phases] == [[20], [35, 10], [50]]
    assert phases[1]["metadata"]["hubspot_order_id"] == change
    told = world.portal.records("deals")
    assert told[change]["bsync_status"] == "synced"
    assert told[change]["bsync_contract_key"] == deal


def test_a_termination_ends_the_schedule(world: HubSpotWorld) -> None:
    deal, desk = ramp(world), world.desk()
    world.sync(deal, desk=desk)
    world.deal(None, amends=deal, bsync_action="terminate", bsync_effective_date="2028-03-15")
    (result,) = world.sync(deal, desk=desk)
    assert result.outcome == "applied", result
    phases = schedule_of(world, deal)["phases"]
    assert isinstance(phases, list)
    assert [phase["metadata"]["hubspot_segment_label"] for phase in phases] == ["Year 1", "Year 2"]


def test_a_blocked_deal_gets_a_reason_and_one_note_which_is_closed_again(world: HubSpotWorld) -> None:
    company = world.company()
    deal = world.deal(company, [monthly(10, 20, "2026-12-01", name="Seat", recurringbillingfrequency="weekly")])
    desk = world.desk()
    (result,) = world.sync(deal, desk=desk)
    assert (result.outcome, result.error) == ("refused", None)
    told = world.portal.records("deals")[deal]
    assert (told["bsync_status"], told["bsync_error_code"]) == ("blocked", "BILLING_FREQUENCY")
    assert "Correct recurringbillingfrequency" in told["bsync_status_detail"]
    (note,) = world.portal.associated("deals", deal, "notes")
    assert "weekly" in world.portal.records("notes")[note]["hs_note_body"]

    calls = len(world.portal.log)
    world.sync(deal, desk=desk)
    assert not [call for call in world.calls(calls) if "notes" in call]

    (line,) = world.portal.associated("deals", deal, "line_items")
    world.portal.update("line_items", line, {"recurringbillingfrequency": "monthly"})
    (result,) = world.sync(deal, desk=desk)
    assert result.outcome == "applied"
    assert world.portal.associated("deals", deal, "notes") == [note]
    assert "resolved" in world.portal.records("notes")[note]["hs_note_body"]


def test_a_deal_that_is_edited_after_it_was_billed_waits_for_somebody(world: HubSpotWorld) -> None:
    deal, desk = ramp(world), world.desk()
    world.sync(deal, desk=desk)
    line = world.portal.associated("deals", deal, "line_items")[0]
    world.portal.update("line_items", line, {"quantity": "25"})
    stripe = len(world.stripe.log)
    (result,) = world.sync(deal, desk=desk)
    assert result.planned.judgement.verdict is Verdict.REFUSE
    assert [issue.code.value for issue in result.planned.issues] == ["IN_PLACE_EDIT"]
    assert not [record for record in world.stripe.log[stripe:] if record.method == "POST"]
    assert world.portal.records("deals")[deal]["bsync_status"] == "needs_review"
    assert len(world.portal.associated("deals", deal, "notes")) == 1

    (result,) = world.sync(deal, desk=desk)
    assert [issue.code.value for issue in result.planned.issues] == ["IN_PLACE_EDIT"], "it waits as long as it takes"

    world.portal.update("deals", deal, {"bsync_fingerprint": ""})  # somebody has looked and accepts the deal as it is
    (result,) = world.sync(deal, desk=desk)
    assert result.outcome == "applied"
    assert world.portal.records("deals")[deal]["bsync_status"] == "synced"


def test_a_copy_of_a_billed_deal_is_not_billed_as_the_deal_itself(world: HubSpotWorld) -> None:
    deal, desk = ramp(world), world.desk()
    world.sync(deal, desk=desk)
    kept = {name: value for name, value in world.portal.records("deals")[deal].items() if name.startswith("bsync_")}
    (company,) = world.portal.associated("deals", deal, "companies")
    copy = world.deal(company, [monthly(10, 20, "2026-12-01", name="Seat")], **kept)
    stripe = len(world.stripe.log)
    for _ in range(2):
        (result,) = world.sync(copy, desk=desk)
        assert "OTHER_CONTRACT" in [issue.code.value for issue in result.planned.issues]
    assert not [record for record in world.stripe.log[stripe:] if record.method == "POST"]


def test_a_deal_that_is_not_won_is_left_alone(world: HubSpotWorld) -> None:
    deal = ramp(world, dealstage="contractsent")
    (result,) = world.sync(deal)
    assert result.outcome == "skipped"
    assert not [name for name in world.portal.records("deals")[deal] if name.startswith("bsync_status")]


def test_what_hubspot_bills_itself_is_refused(world: HubSpotWorld) -> None:
    deal = ramp(world)
    quote = world.portal.insert(
        "quotes",
        {"hs_title": "Q", "hs_status": "ACCEPTED", "hs_expiration_date": "2026-12-31", "hs_billing_enabled": "true"},
    )
    world.portal.associate("deals", deal, "quotes", quote)
    line = world.portal.insert("line_items", {"name": "Seat", **{k: str(v) for k, v in RAMP[0].items()}})
    world.portal.associate("quotes", quote, "line_items", line)
    (result,) = world.sync(deal)
    assert "BILLED_ELSEWHERE" in [issue.code.value for issue in result.planned.issues]
    assert world.portal.records("deals")[deal]["bsync_error_code"] == "BILLED_ELSEWHERE"


def test_an_accepted_quote_is_the_only_source_of_lines(world: HubSpotWorld) -> None:
    deal = ramp(world)
    quote = world.portal.insert(
        "quotes", {"hs_title": "Q", "hs_status": "ACCEPTED", "hs_expiration_date": "2026-12-31"}
    )
    world.portal.associate("deals", deal, "quotes", quote)
    line = world.portal.insert(
        "line_items", {"name": "Signed", **{k: str(v) for k, v in monthly(3, 7, "2026-12-01").items()}}
    )
    world.portal.associate("quotes", quote, "line_items", line)
    (planned,) = world.plan(deal)
    assert planned.contract is not None
    assert [(each.ref, each.product.name, each.list_price) for each in planned.contract.lines] == [
        (line, "Signed", Decimal(7))
    ]
