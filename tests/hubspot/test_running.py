"""Deals that change a contract which is billed already: what is invoiced in the end is what was sold, to the cent."""

from dataclasses import replace
from typing import Any

import pytest

from connector.domain.money import round_minor, to_minor
from connector.mapping.mapping_file import MappingFile
from connector.mapping.rules import Const, Rule
from tests.hubspot.world import MAPPING, HubSpotWorld, monthly

Change = tuple[dict[str, str], list[dict[str, Any]]]

#: Forty days into a year of ten seats at 20.00 a month, billed on the 24th.
CHANGES: dict[str, Change] = {
    "more seats": ({}, [monthly(5, 20, "2027-01-03", name="Seat", hs_sku="SEAT", bsync_end_date="2027-11-24")]),
    "fewer seats": (
        {},
        [monthly(6, 20, "2027-01-03", name="Seat", hs_sku="SEAT", bsync_line_key="seats", bsync_change="update",
                 bsync_end_date="2027-11-24")],
    ),
    "restated": (
        {"bsync_amendment_mode": "restate"},
        [monthly(15, 20, "2026-11-24", name="Seat", hs_sku="SEAT")],
    ),
    "ended with the period": ({"bsync_action": "terminate"}, []),
}  # fmt: skip


#: The bundled mapping as it ships, and with the policy by which the connector bills parts of periods itself.
BY_STRIPE = MAPPING
BY_DAYS = replace(
    MAPPING,
    sections={**MAPPING.sections, "policies": {**MAPPING.sections["policies"], "proration": Rule(Const("crm"))}},
)


@pytest.mark.parametrize("mapping", [BY_DAYS, BY_STRIPE], ids=["by days", "by Stripe"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_invoiced_is_what_was_sold(world: HubSpotWorld, change: Change, mapping: MappingFile) -> None:
    company, desk = world.company(), replace(world.desk(), mapping=mapping)
    first = monthly(10, 20, "2026-11-24", name="Seat", hs_sku="SEAT", bsync_line_key="seats")
    deal = world.deal(company, [first])
    assert [result.outcome for result in world.sync(deal, desk=desk)] == ["applied"]
    world.later(days=40)
    fields, lines = change
    world.deal(company, lines, amends=deal, bsync_effective_date="2027-01-03", **fields)
    (result,) = world.sync(deal, desk=desk)
    assert (result.outcome, result.error) == ("applied", None)
    world.later(days=400)
    invoices = desk.account.api.get("/v1/invoices", {"limit": 100})["data"]
    (planned,) = world.plan(deal, desk=desk)
    assert planned.contract is not None
    sold = sum(round_minor(to_minor(line.total, "usd")) for line in planned.contract.lines)
    invoiced = sum(invoice["total"] for invoice in invoices)
    assert sold != 2400_00, "the change is in it"
    if mapping is BY_DAYS:
        assert invoiced == sold
    else:  # by the second instead of by months and days: within a tenth of a month of what changed
        assert abs(invoiced - sold) <= 10_00
        assert result.planned.plan is not None
        assert result.planned.plan.tie_out is not None
        assert result.planned.plan.tie_out.unexplained == 0


def test_a_contract_that_ends_on_a_date_is_billed_up_to_it(world: HubSpotWorld) -> None:
    company, desk = world.company(), world.desk()
    deal = world.deal(company, [monthly(16, 39, "2026-12-01", name="Seat")])
    world.deal(
        company,
        amends=deal,
        bsync_action="terminate",
        bsync_termination_mode="on_date",
        bsync_effective_date="2027-06-16",
    )
    assert [result.outcome for result in world.sync(deal, desk=desk)] == ["applied"]
    world.later(days=400)
    invoices = desk.account.api.get("/v1/invoices", {"limit": 100})["data"]
    (planned,) = world.plan(deal, desk=desk)
    assert planned.contract is not None
    sold = sum(round_minor(to_minor(line.total, "usd")) for line in planned.contract.lines)
    assert sum(invoice["total"] for invoice in invoices) == sold == 4060_27
