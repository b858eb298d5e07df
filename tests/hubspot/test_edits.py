"""Deals that are edited after they were billed, where the mapping lets an edit count from the next period on.

What was billed before stays as it was sold; what is invoiced in the end is told line by line.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connector.billing.apply import apply
from connector.mapping.mapping_file import MappingFile
from connector.mapping.rules import Const, Rule
from connector.sandbox.http import FaultRule
from tests.hubspot.world import MAPPING, HubSpotWorld, monthly, yearly


def with_edits(mode: str, proration: str = "stripe") -> MappingFile:
    """Return the bundled mapping with another answer to edits of billed deals."""
    contract = {**MAPPING.sections["contract"], "in_place_edits": Rule(Const(mode))}
    policies = {**MAPPING.sections["policies"], "proration": Rule(Const(proration))}
    sections = {**MAPPING.sections, "contract": contract, "policies": policies}
    return replace(MAPPING, sections=sections, hash=f"edits-{mode}-{proration}")


AMEND = with_edits("amend")
#: Today is 24 November 2026; the contract is billed on the 1st of the month.
SEATS = monthly(10, 20, "2026-12-01", name="Seat", hs_sku="SEAT")


class Told:
    """One deal in a world, and a desk that lets its edits count."""

    def __init__(self, world: HubSpotWorld, *lines: dict[str, Any], edits: MappingFile = AMEND) -> None:
        self.world = world
        self.desk = replace(world.desk(), mapping=edits)
        self.deal = world.deal(world.company(), lines or [SEATS])
        self.look("applied")

    def line(self, number: int = 0) -> str:
        return sorted(self.world.portal.associated("deals", self.deal, "line_items"))[number]

    def edit(self, number: int = 0, /, **values: Any) -> None:
        self.world.portal.update("line_items", self.line(number), {name: str(value) for name, value in values.items()})

    def on(self, day: str) -> None:
        """Let time pass up to the morning of a day."""
        there = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=9)
        self.world.later(seconds=(there - self.world.now).total_seconds())

    def look(self, *outcomes: str) -> None:
        """Sync the deal; it must come to one of these."""
        (result,) = self.world.sync(self.deal, desk=self.desk)
        assert result.error is None
        assert result.outcome in outcomes, [issue.message for issue in result.planned.issues]

    def settled(self, outcome: str = "applied") -> None:
        """Sync, and look that nothing is left to do and that a second look comes to the same."""
        self.look(outcome)
        assert self.operations() == 0
        self.look("nothing")

    def operations(self) -> int:
        (planned,) = self.world.plan(self.deal, desk=self.desk)
        assert planned.plan is not None
        return len(planned.plan.operations)

    def fingerprint(self) -> str:
        (planned,) = self.world.plan(self.deal, desk=self.desk)
        assert planned.plan is not None
        return planned.plan.fingerprint

    def codes(self) -> list[str]:
        (planned,) = self.world.plan(self.deal, desk=self.desk)
        return [issue.code.value for issue in planned.issues if issue.blocks]

    def since(self) -> list[str | None]:
        """Return from when on the versions count that are kept."""
        return [str(row.since) if row.since else None for row in self.world.journal.sold("hubspot", self.deal)]

    def invoices(self) -> dict[str, int]:
        """Return what was invoiced, by day, in cents."""
        rows = self.desk.account.api.get("/v1/invoices", {"limit": 100})["data"]
        days: dict[str, int] = {}
        for row in sorted(rows, key=lambda row: row["created"]):
            day = datetime.fromtimestamp(row["created"], UTC).date().isoformat()
            days[day] = days.get(day, 0) + row["total"]
        return days


@pytest.fixture
def told(world: HubSpotWorld) -> Told:
    return Told(world)


def months(first: str, count: int, amount: int) -> dict[str, int]:
    year, month = int(first[:4]), int(first[5:7])
    return {f"{year + (month + n - 1) // 12}-{(month + n - 1) % 12 + 1:02}-01": amount for n in range(count)}


def test_an_edit_counts_from_the_next_period_on(told: Told) -> None:
    told.on("2027-02-10")
    told.edit(quantity=15)
    told.settled()
    assert told.since() == [None, "2027-03-01"]
    assert told.world.portal.records("deals")[told.deal]["bsync_status"] == "synced"
    told.on("2028-01-10")
    told.look("nothing")
    assert told.invoices() == {**months("2026-12", 3, 200_00), **months("2027-03", 9, 300_00)}


@pytest.mark.parametrize(
    ("values", "amount"),
    [
        ({"quantity": 4}, 80_00),
        ({"price": 25}, 250_00),
        ({"hs_discount_percentage": 10}, 180_00),
        ({"hs_recurring_billing_period": "P24M"}, 200_00),
    ],
    ids=["less", "price", "discount", "longer"],
)
def test_whatever_is_edited_counts_then(told: Told, values: dict[str, Any], amount: int) -> None:
    told.on("2027-02-10")
    told.edit(**values)
    told.settled()
    told.on("2029-06-10")
    count = 21 if "hs_recurring_billing_period" in values else 9
    assert told.invoices() == {**months("2026-12", 3, 200_00), **months("2027-03", count, amount)}


def test_planning_twice_is_planning_once_and_waiting_within_the_period_changes_nothing(told: Told) -> None:
    told.on("2027-02-10")
    told.edit(quantity=15)
    first = told.fingerprint()
    assert told.since() == [None], "a plan keeps nothing"
    told.on("2027-02-20")
    assert told.fingerprint() == first
    told.on("2027-03-02")
    assert told.fingerprint() != first, "a month later it counts a month later"
    told.settled()
    told.on("2028-01-10")
    assert told.invoices() == {**months("2026-12", 4, 200_00), **months("2027-04", 8, 300_00)}


def test_several_edits_one_after_the_other(told: Told) -> None:
    for day, quantity in (("2027-01-10", 12), ("2027-03-20", 9), ("2027-03-25", 20), ("2027-06-02", 14)):
        told.on(day)
        told.edit(quantity=quantity)
        told.settled()
    assert told.since() == [None, "2027-02-01", "2027-04-01", "2027-07-01"]
    told.on("2028-01-10")
    told.look("nothing")
    expected = {**months("2026-12", 2, 200_00), **months("2027-02", 2, 240_00)}
    assert told.invoices() == {**expected, **months("2027-04", 3, 400_00), **months("2027-07", 5, 280_00)}


def test_an_edit_that_is_undone_before_it_counts_was_none(told: Told) -> None:
    told.on("2027-02-10")
    told.edit(quantity=15)
    told.settled()
    told.on("2027-02-20")
    told.edit(quantity=10)
    told.settled()
    assert told.since() == [None]
    told.on("2028-01-10")
    assert told.invoices() == months("2026-12", 12, 200_00)


def test_an_edit_that_is_undone_later_counts_as_another(told: Told) -> None:
    for day, quantity in (("2027-02-10", 15), ("2027-04-10", 10)):
        told.on(day)
        told.edit(quantity=quantity)
        told.settled()
    told.on("2028-01-10")
    expected = {**months("2026-12", 3, 200_00), **months("2027-03", 2, 300_00)}
    assert told.invoices() == {**expected, **months("2027-05", 7, 200_00)}


def test_before_the_contract_has_begun_the_deal_is_billed_as_it_is_now(told: Told) -> None:
    told.edit(quantity=15, hs_recurring_billing_start_date="2027-01-01")
    told.settled()
    assert told.since() == [None]
    told.on("2028-02-10")
    assert told.invoices() == months("2027-01", 12, 300_00)


def test_lines_that_are_added_and_removed(told: Told) -> None:
    told.on("2027-02-10")
    told.world.line(told.deal, **monthly(3, 7, "2026-12-01", name="Desk", hs_sku="DESK"))
    told.settled()
    told.on("2027-04-10")
    told.world.portal.archive("line_items", told.line(0))
    told.settled()
    told.on("2028-01-10")
    expected = {**months("2026-12", 3, 200_00), **months("2027-03", 2, 221_00)}
    assert told.invoices() == {**expected, **months("2027-05", 7, 21_00)}


def test_the_segments_of_a_ramp_keep_their_names(world: HubSpotWorld) -> None:
    ramp = [
        yearly(20, 90, "2026-12-01", name="Seat", hs_sku="S"),
        yearly(35, 95, "2027-12-01", name="Seat", hs_sku="S"),
    ]
    told = Told(world, *ramp)
    told.on("2027-02-10")
    told.edit(1, quantity=40)
    told.settled()
    assert told.since() == [None, "2027-12-01"]
    link = world.journal.link("hubspot", "subscription_schedule", told.deal)
    assert link is not None
    phases = told.desk.account.api.get(f"/v1/subscription_schedules/{link.stripe_id}")["phases"]
    assert [phase["metadata"]["hubspot_segment_label"] for phase in phases] == ["Year 1", "Year 2"]
    assert [[item["quantity"] for item in phase["items"]] for phase in phases] == [[20], [35, 5]]
    told.on("2029-02-10")
    assert told.invoices() == {"2026-12-01": 1_800_00, "2027-12-01": 3_800_00}


def test_changes_by_other_deals_stay_what_they_are(told: Told) -> None:
    told.on("2027-01-10")
    more = monthly(5, 20, "2027-02-01", name="Seat", hs_sku="SEAT", bsync_end_date="2027-12-01")
    told.world.deal(None, [more], amends=told.deal, bsync_effective_date="2027-02-01")
    told.settled()
    told.on("2027-03-10")
    told.edit(quantity=12)
    told.settled()
    told.on("2027-05-10")
    told.world.deal(None, amends=told.deal, bsync_action="terminate", bsync_effective_date="2027-06-15")
    told.settled()
    told.on("2028-01-10")
    expected = {**months("2026-12", 2, 200_00), **months("2027-02", 2, 300_00)}
    assert told.invoices() == {**expected, **months("2027-04", 3, 340_00)}


def test_what_was_charged_once_is_not_charged_again_and_not_changed_by_an_edit(world: HubSpotWorld) -> None:
    told = Told(world, SEATS, {"name": "Setup", "price": 500})
    told.on("2027-02-10")
    told.edit(0, quantity=15)
    told.settled()
    told.edit(1, price=600)
    assert told.codes() == ["IN_PLACE_EDIT"]
    told.look("refused")
    assert told.world.portal.records("deals")[told.deal]["bsync_status"] == "needs_review"
    told.edit(1, price=500)
    told.look("nothing")
    told.world.line(told.deal, name="Training", price=80)
    told.settled()
    told.on("2028-01-10")
    expected = {**months("2026-12", 3, 200_00), **months("2027-03", 9, 300_00)}
    expected["2026-12-01"] += 500_00
    expected["2027-03-01"] += 80_00
    assert told.invoices() == expected


def test_a_fee_that_is_copied_to_another_record_is_the_same_fee(world: HubSpotWorld) -> None:
    fee = {"name": "Setup", "price": 500}
    told = Told(world, SEATS, fee)
    told.on("2027-02-10")
    world.portal.archive("line_items", told.line(1))
    world.line(told.deal, **fee)
    told.settled("nothing")
    told.edit(0, quantity=15)
    told.settled()
    told.on("2028-01-10")
    expected = {**months("2026-12", 3, 200_00), **months("2027-03", 9, 300_00)}
    expected["2026-12-01"] += 500_00
    assert told.invoices() == expected


def test_a_fee_to_come_is_what_the_deal_says_when_it_comes(world: HubSpotWorld) -> None:
    told = Told(world, SEATS, {"name": "Training", "price": 500, "hs_recurring_billing_start_date": "2027-06-01"})
    told.on("2027-02-10")
    told.edit(1, price=300)
    told.settled()
    told.on("2027-04-10")
    told.edit(1, price=350)
    told.settled()
    told.on("2028-01-10")
    expected = months("2026-12", 12, 200_00)
    expected["2027-06-01"] += 350_00
    assert told.invoices() == expected


@pytest.mark.parametrize("mapping", [MAPPING, AMEND], ids=["as it ships", "amend"])
def test_a_deal_whose_lines_are_copied_is_not_billed_again(world: HubSpotWorld, mapping: MappingFile) -> None:
    fee = {"name": "Setup", "price": 500}
    told = Told(world, SEATS, fee)
    told.desk = replace(told.desk, mapping=mapping)
    told.on("2027-02-10")
    for line in world.portal.associated("deals", told.deal, "line_items"):
        world.portal.archive("line_items", line)
    for values in (SEATS, fee):
        world.line(told.deal, **values)
    told.settled()
    told.on("2028-01-10")
    expected = months("2026-12", 12, 200_00)
    expected["2026-12-01"] += 500_00
    assert told.invoices() == expected


@pytest.mark.parametrize("values", [{"hs_recurring_billing_period": "P2M"}, {"bsync_end_date": "2027-03-01"}])
def test_a_contract_that_is_cut_short_ends_with_its_period(told: Told, values: dict[str, Any]) -> None:
    told.on("2027-02-10")
    told.edit(**values)
    told.settled()
    told.on("2028-01-10")
    assert told.invoices() == months("2026-12", 3, 200_00)


def test_all_that_recurs_is_removed(world: HubSpotWorld) -> None:
    told = Told(world, SEATS, {"name": "Setup", "price": 500})
    told.on("2027-02-10")
    world.portal.archive("line_items", told.line(0))
    told.settled()
    told.on("2028-01-10")
    expected = months("2026-12", 3, 200_00)
    expected["2026-12-01"] += 500_00
    assert told.invoices() == expected


def test_tiers_are_edited(world: HubSpotWorld) -> None:
    tiers = {
        "hs_pricing_model": "volume",
        "hs_tier_ranges": '[{"start": 0, "end": 25}, {"start": 26}]',
        "hs_tier_prices": '[{"index": 0, "price": 10}, {"index": 1, "price": 8}]',
    }
    tiered = {**monthly(20, 0, "2026-12-01", name="Label", hs_sku="LABEL"), **tiers}
    told = Told(world, {name: value for name, value in tiered.items() if name != "price"})
    told.on("2027-02-10")
    told.edit(quantity=40)
    told.settled()
    told.on("2027-04-10")
    told.edit(hs_tier_prices='[{"index": 0, "price": 10}, {"index": 1, "price": 7}]')
    told.settled()
    told.on("2028-01-10")
    expected = {**months("2026-12", 3, 200_00), **months("2027-03", 2, 320_00), **months("2027-05", 7, 280_00)}
    assert told.invoices() == expected


def test_the_currency_is_no_matter_of_a_day(told: Told) -> None:
    told.on("2027-02-10")
    told.world.portal.update("deals", told.deal, {"deal_currency_code": "EUR"})
    assert "IN_PLACE_EDIT" in told.codes()


def test_a_deal_of_which_nothing_is_kept_waits_for_somebody(told: Told) -> None:
    told.world.journal.save_sold("hubspot", told.deal, [], told.world.now)  # billed before edits were to count
    told.on("2027-02-10")
    told.edit(quantity=15)
    assert told.codes() == ["IN_PLACE_EDIT"]
    told.look("refused")
    told.edit(quantity=10)
    told.settled("nothing")
    assert told.since() == [None], "from now on it is kept"
    told.edit(quantity=15)
    told.settled()


def test_what_is_kept_names_nobody(world: HubSpotWorld) -> None:
    told = Told(world, {**SEATS, "hs_product_id": world.product()})
    (row,) = world.journal.sold("hubspot", told.deal)
    assert "products" in row.records
    assert "Northlight" not in row.records
    assert "@" not in row.records


def test_polls_find_the_edit_and_pass_the_deal_over_afterwards(told: Told) -> None:
    told.on("2027-02-10")
    told.world.poll(told.desk)
    told.on("2027-02-11")
    told.edit(quantity=15)
    outcomes = [[result.outcome for result in told.world.poll(told.desk)] for _ in range(3)]
    assert outcomes[0] == ["applied"]
    assert {outcome for some in outcomes[1:] for outcome in some} <= {"nothing"}
    calls = len(told.world.stripe.log)
    told.look("nothing")
    told.world.poll(told.desk)
    assert len(told.world.stripe.log) == calls
    assert told.since() == [None, "2027-03-01"]


def test_edits_that_were_billed_count_whatever_the_mapping_says_of_edits_by_then(told: Told) -> None:
    told.on("2027-02-10")
    told.edit(quantity=15)
    told.settled()
    told.desk = replace(told.desk, mapping=with_edits("review", "crm"))
    told.on("2027-04-10")
    told.settled("nothing")
    told.edit(quantity=12)
    assert told.codes() == ["IN_PLACE_EDIT"]
    told.edit(quantity=15)
    told.settled("nothing")
    assert told.since() == [None, "2027-03-01"]
    told.edit(quantity=12)
    told.world.portal.update("deals", told.deal, {"bsync_fingerprint": ""})  # bill it as it is now
    told.settled()
    assert told.since() == [None]
    told.desk = replace(told.desk, mapping=with_edits("amend", "crm"))
    told.settled("nothing")
    told.on("2028-01-10")
    assert sum(told.invoices().values()) == 12 * 240_00


def test_without_the_mapping_saying_so_nothing_is_kept(world: HubSpotWorld) -> None:
    assert Told(world, SEATS, edits=MAPPING).since() == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("answered", [False, True], ids=["before Stripe was asked", "after Stripe had answered"])
def test_killed_in_the_middle_the_edit_keeps_its_day(
    told: Told, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    told.on("2027-02-26")
    told.edit(quantity=15)

    def killed(*args: Any, **more: Any) -> None:
        if answered:
            apply(*args, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("connector.sync.apply", killed)
        with pytest.raises(Killed):
            told.world.sync(told.deal, desk=told.desk)
    told.on("2027-03-03")  # a boundary went by meanwhile
    told.settled("nothing" if answered else "applied")
    assert told.since() == [None, "2027-03-01"]
    told.on("2028-01-10")
    told.look("nothing")
    assert sum(told.invoices().values()) == (
        3 * 200_00 + 9 * 300_00 if answered else pytest.approx(3_300_00, abs=10_00)
    )


def test_what_stripe_refuses_is_not_kept(told: Told) -> None:
    told.on("2027-02-10")
    told.edit(quantity=15)
    told.world.stripe.inject(FaultRule("POST", "/v1/subscription_schedules", status=400, times=1))
    (result,) = told.world.sync(told.deal, desk=told.desk)
    assert result.outcome == "failed"
    assert told.since() == [None]
    told.on("2027-04-10")
    told.edit(quantity=12)
    told.settled()
    assert told.since() == [None, "2027-05-01"]
    told.on("2028-01-10")
    assert told.invoices() == {**months("2026-12", 5, 200_00), **months("2027-05", 7, 240_00)}


def test_mixed_frequencies_change_with_the_next_period_that_begins(world: HubSpotWorld) -> None:
    told = Told(world, SEATS, yearly(2, 1200, "2026-12-01", name="Care", hs_sku="CARE"))
    told.on("2027-02-10")
    told.edit(0, quantity=15)
    told.settled()
    told.on("2028-01-10")
    expected = {**months("2026-12", 3, 200_00), **months("2027-03", 9, 300_00)}
    expected["2026-12-01"] += 2_400_00
    assert told.invoices() == expected


def test_the_same_edit_under_follow_is_billed_as_if_it_had_always_been_so(told: Told) -> None:
    told.desk = replace(told.desk, mapping=with_edits("follow", "crm"))
    told.on("2027-02-10")
    told.edit(quantity=15)
    told.settled()
    told.on("2028-01-10")
    assert told.invoices() == {**months("2026-12", 3, 200_00), "2027-03-01": 600_00, **months("2027-04", 8, 300_00)}
