"""The second company: its records fit the portal, its money adds up, its deals are what their keys say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.hubspot.arithmetic import Period
from connector.sandbox.seed.hubspot import CHANGES, DEALS, MISTAKES, UNBILLED, seed
from tests.sandbox.hubspot_portal import Portal

DAYS = [date(2026, 11, 24), date(2024, 2, 29), date(2026, 1, 31), date(2025, 12, 1)]


@pytest.fixture(params=DAYS, ids=str)
def portal(request):
    with HubSpotSandbox(**seed(request.param)._asdict()) as sandbox:
        yield sandbox


def lines(sandbox, key):
    rows = sandbox.records("line_items")
    return [rows[line_id] for line_id in sandbox.associated("deals", DEALS[key], "line_items")]


def test_the_api_would_have_taken_every_record(portal):
    """Created anew through the API, so that every rule applies, each record is accepted as it is."""
    client = Portal(portal)
    kept = {"createdate", "hs_createdate", "hs_lastmodifieddate", "lastmodifieddate"}
    for name, rows in seed(DAYS[0]).records.items():
        for values in rows.values():
            given = {key: value for key, value in values.items() if key not in kept}
            if "email" in given:
                given["email"] = f"again.{given['email']}"
            client.post(f"/objects/{name}", {"properties": given})


def test_amounts_are_what_the_lines_come_to(portal):
    for key, deal_id in DEALS.items():
        deal = portal.records("deals")[deal_id]
        total = sum((Decimal(line["hs_tcv"]) for line in lines(portal, key)), start=Decimal(0))
        assert Decimal(deal["amount"]) == total == Decimal(deal.get("hs_tcv", "0")), key


def test_the_hero(portal):
    deal = portal.records("deals")[DEALS["ramp"]]
    assert deal["hs_is_closed_won"] == "true"
    seats = [line for line in lines(portal, "ramp") if line["hs_sku"] == "QM-SEAT"]
    assert [(line["quantity"], line["price"], line["hs_tcv"]) for line in seats] == [
        ("20", "39", "9360"),
        ("35", "36", "15120"),
        ("50", "33", "19800"),
    ]
    assert deal["amount"] == "46680"
    for before, after in pairwise(seats):
        start = date.fromisoformat(before["hs_recurring_billing_start_date"])
        assert Period(months=12).after(start).isoformat() == after["hs_recurring_billing_start_date"]
        assert before["hs_billing_period_end_date"] == after["hs_recurring_billing_start_date"]


def test_changes_lead_to_what_they_change(portal):
    deals = portal.app.api.store.schema["deals"]
    for key, original in CHANGES.items():
        kinds = portal.app.links.targets(deals, DEALS[key], deals)[DEALS[original]]
        assert [kind.label for kind in kinds] == [None, "Amends"]
        back = portal.app.links.targets(deals, DEALS[original], deals)[DEALS[key]]
        assert [kind.label for kind in back] == [None, "Amended by"]


def test_won_is_not_a_stage_name(portal):
    deals = portal.records("deals")
    won = {key for key, deal_id in DEALS.items() if deals[deal_id]["hs_is_closed_won"] == "true"}
    assert won == set(DEALS) - {"open", "lost"}
    assert deals[DEALS["expansion"]]["dealstage"] != "closedwon"


def test_quotes(portal):
    (accepted,) = portal.associated("deals", DEALS["quoted"], "quotes")
    quote = portal.records("quotes")[accepted]
    assert (quote["hs_status"], quote["hs_locked"], quote.get("hs_billing_enabled")) == ("ACCEPTED", "true", None)
    own = set(portal.associated("quotes", accepted, "line_items"))
    assert own
    assert not own & set(portal.associated("deals", DEALS["quoted"], "line_items"))
    (billed,) = portal.associated("deals", DEALS["hubspot_billed"], "quotes")
    assert portal.records("quotes")[billed]["hs_billing_enabled"] == "true"


def test_the_mistakes_are_as_announced(portal):
    gap = [line["hs_recurring_billing_start_date"] for line in lines(portal, "gap")]
    assert lines(portal, "gap")[0]["hs_billing_period_end_date"] < gap[1]
    assert (
        lines(portal, "overlap")[0]["hs_billing_period_end_date"]
        > lines(portal, "overlap")[1]["hs_recurring_billing_start_date"]
    )
    assert [line["bsync_segment_index"] for line in lines(portal, "wrong_index")] == ["1", "3"]
    assert {line["hs_line_item_currency_code"] for line in lines(portal, "two_currencies")} == {"USD", "EUR"}
    assert lines(portal, "five_years")[0]["recurringbillingfrequency"] == "per_five_years"
    assert portal.associated("deals", DEALS["no_company"], "companies") == []
    assert lines(portal, "no_lines") == []
    assert portal.associated("deals", DEALS["orphan"], "deals") == []
    assert set(MISTAKES) < set(DEALS)
    assert set(UNBILLED) < set(DEALS)


def test_the_same_day_gives_the_same_records():
    assert seed(DAYS[0]) == seed(DAYS[0])
    assert seed(DAYS[0]).records["deals"].keys() == seed(DAYS[1]).records["deals"].keys() == set(DEALS.values())


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_nothing_is_stamped_in_the_future(today):
    for rows in seed(today).records.values():
        for values in rows.values():
            stamps = [values[key] for key in values if key.endswith(("createdate", "lastmodifieddate"))]
            assert max(stamps) < today.isoformat()


def test_moments_survive_the_loading():
    records = seed(DAYS[0]).records
    with HubSpotSandbox(**seed(DAYS[0])._asdict()) as sandbox:
        shown = Portal(sandbox).get(f"/objects/deals/{DEALS['ramp']}")
        assert shown["updatedAt"] == records["deals"][DEALS["ramp"]]["hs_lastmodifieddate"]
        sandbox.insert("companies", {"name": "One more"})
        sandbox.reset()
        assert len(sandbox.records("companies")) == len(records["companies"])
