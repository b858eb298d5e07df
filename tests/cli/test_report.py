"""`connector report`: each report finds what it is for, says what is at stake, and has its code."""

import csv
import io
from typing import Any, cast

import pytest

from connector.sandbox.http import FaultRule
from tests.by_hand import set_quantities
from tests.cli.conftest import Shop


def rows(shop: Shop, name: str, *options: str) -> list[dict[str, Any]]:
    ran = shop.run("report", name, "--json", *options)
    found: list[dict[str, Any]] = ran.document["rows"]
    assert ran.code == (4 if found else 0), ran.err
    return found


def records(shop: Shop, name: str, *options: str) -> set[str]:
    return {row["record"] for row in rows(shop, name, *options)}


def change(shop: Shop, name: str, **fields: Any) -> None:
    shop.salesforce.update("Order", shop.orders[name], fields)


def line_of(shop: Shop, name: str) -> str:
    return next(key for key, one in shop.salesforce.records("OrderItem").items() if one["OrderId"] == shop.orders[name])


def test_before_the_first_sync_there_is_nothing_to_report(shop: Shop):
    ran = shop.run("report")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Won, but not billed: nothing",
        "Billed, but not in the CRM: nothing",
        "Edited in Stripe by hand: nothing",
        "Changes that are not billed yet: nothing",
        "Long contracts about to run out of phases: nothing",
        "Failures, the oldest first: nothing",
        "Behind schedule: nothing",
    ]


def test_won_and_not_billed_with_what_is_at_stake_and_what_to_do(shop: Shop):
    shop.run("sync", "--yes")
    found = {row["record"]: row for row in rows(shop, "won-not-billed")}
    gap = found[shop.orders["gap"]]
    assert (gap["currency"], gap["amount"], gap["class"], gap["outcome"]) == ("eur", "3990000", "fix_data", "refused")
    assert gap["why"].startswith("SEGMENT_GAP: ")
    assert gap["remedy"].startswith("Let the later segment start on")
    assert gap["command"] == f"connector explain {shop.orders['gap']}"
    assert len(found) == 4, "a draft is not won"
    unreadable = next(row for row in found.values() if row["why"].startswith("START_MISSING"))
    assert (unreadable["currency"], unreadable["amount"]) == ("eur", "367200"), "what its order says"
    assert shop.run(*gap["command"].split()[1:]).code == 0


def test_people_read_a_table_with_the_remedy_below_each_row(shop: Shop):
    shop.run("sync", "--yes")
    ran = shop.run("report", "won-not-billed")
    head, titles, *lines = ran.out.splitlines()
    assert head == "Won, but not billed: 4, at stake 43,572.00 EUR, 9,900.00 GBP, 15,000.00 USD"
    assert titles.split() == ["contract", "customer", "outcome", "since", "at", "stake"]
    at = next(n for n, line in enumerate(lines) if line.startswith(shop.orders["gap"]))
    assert lines[at].split()[-2:] == ["39,900.00", "EUR"]
    assert lines[at + 1].startswith("    SEGMENT_GAP: ")
    assert lines[at + 2].startswith("    fix: ")
    assert lines[at + 3] == f"    connector explain {shop.orders['gap']}"


def test_since_stays_while_it_is_wrong_and_begins_anew_when_it_was_right(shop: Shop):
    shop.run("sync", "--yes", shop.orders["gap"])
    (first,) = rows(shop, "failures")
    shop.run("sync", "--yes", shop.orders["gap"])
    (again,) = rows(shop, "failures")
    assert again["since"] == first["since"]


def test_live_names_what_the_connector_never_saw(shop: Shop):
    assert records(shop, "won-not-billed") == set()
    live = rows(shop, "won-not-billed", "--live")
    assert shop.orders["draft"] not in {row["record"] for row in live}
    assert len(live) == len(shop.orders) - 1
    ramp = next(row for row in live if row["record"] == shop.orders["ramp"])
    assert (ramp["amount"], ramp["currency"]) == ("16200000", "usd")
    assert ramp["command"] == f"connector sync {shop.orders['ramp']}"
    shop.run("sync", "--yes")
    assert records(shop, "won-not-billed", "--live") == records(shop, "won-not-billed")


def test_a_change_that_is_not_taken_over_shows_the_difference(shop: Shop):
    shop.run("sync", "--yes", shop.orders["flat"])
    shop.salesforce.update("OrderItem", line_of(shop, "flat"), {"Quantity": 2.5})
    shop.run("sync", "--yes", shop.orders["flat"])
    (row,) = rows(shop, "amendments-waiting")
    assert (row["record"], row["class"]) == (shop.orders["flat"], "fix_data")
    assert row["why"].startswith("QUANTITY_FRACTION: ")
    assert records(shop, "won-not-billed") == set(), "it is billed, as it was"


def test_what_is_billed_and_gone_from_the_crm(shop: Shop):
    shop.run("sync", "--yes", shop.orders["ramp"], shop.orders["flat"])
    shop.salesforce.delete("Order", shop.orders["ramp"])
    assert records(shop, "billed-not-in-crm") == set(), "the journal does not know yet"
    assert records(shop, "billed-not-in-crm", "--live") == {shop.orders["ramp"]}
    shop.run("sync", "--yes", shop.orders["ramp"])
    assert records(shop, "billed-not-in-crm") == {shop.orders["ramp"]}
    assert records(shop, "billed-not-in-crm", "--live") == {shop.orders["ramp"]}


def test_what_is_billed_while_its_order_is_no_longer_active(shop: Shop):
    shop.run("sync", "--yes", shop.orders["flat"])
    change(shop, "flat", Status="Draft")
    shop.run("sync", "--yes", shop.orders["flat"])
    (row,) = rows(shop, "billed-not-in-crm")
    assert (row["record"], row["outcome"]) == (shop.orders["flat"], "skipped")


def test_a_schedule_that_the_connector_does_not_know(shop: Shop):
    shop.run("sync", "--yes", shop.orders["ramp"], shop.orders["flat"])
    client = shop.stripe.client()
    listed = client.v1.subscription_schedules.list().data
    held = {one.to_dict()["metadata"]["salesforce_order_id"]: one for one in listed}
    copied, product = held[shop.orders["ramp"]], client.v1.products.list().data[0].id
    for order in (shop.orders["two_ramps"], "801000000000000AAA"):
        price = {"currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"}, "product": product}
        item = {"price_data": price, "quantity": 1}
        phase = {"items": [item], "duration": {"interval": "year", "interval_count": 1}}
        named = {"salesforce_order_id": order}
        made = {"customer": copied.customer, "start_date": "now", "phases": [phase], "metadata": named}
        client.v1.subscription_schedules.create(cast("Any", made))
    found = {row["record"]: row for row in rows(shop, "billed-not-in-crm", "--live")}
    assert set(found) == {shop.orders["two_ramps"], "801000000000000AAA"}
    assert found[shop.orders["two_ramps"]]["command"] == f"connector adopt {shop.orders['two_ramps']}"
    assert "CRM has no such order" in found["801000000000000AAA"]["why"]


def test_drift_is_known_once_a_sync_met_it_and_live_before(shop: Shop):
    shop.run("sync", "--yes", shop.orders["ramp"], shop.orders["flat"])
    held = shop.stripe.state["sk_test_sandbox"].objects["subscription_schedule"].values()
    (ours,) = [one for one in held if one["metadata"]["salesforce_order_id"] == shop.orders["ramp"]]
    set_quantities(shop.stripe.client(), ours["id"], {1: 36})
    assert records(shop, "drift") == set()
    (row,) = rows(shop, "drift", "--live")
    assert row["why"] == "phases.1.items.0.quantity is 36, we had applied 35"
    assert shop.run(*row["command"].split()[1:]).code == 5
    change(shop, "ramp", PoNumber="4711")
    shop.run("sync", "--yes", shop.orders["ramp"])
    state = shop.run("status", "--json").document["contracts"]
    pending = {one["record"] for one in state if one["status"].get("code") == "DRIFT"}
    assert records(shop, "drift") == pending


def test_what_stripe_refuses_is_a_failure(shop: Shop):
    body = {"error": {"type": "invalid_request_error", "message": "Not with sk_" + "test_51H8xYzAbCdEf."}}
    shop.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", status=400, body=body, times=1))
    shop.run("sync", "--yes", shop.orders["ramp"])
    for options in ((), ("--json",), ("--csv",)):
        ran = shop.run("report", "failures", *options)
        assert ran.code == 4
        assert "Not with (secret)" in ran.out
        assert "51H8xYzAbCdEf" not in ran.out
    (row,) = rows(shop, "failures")
    assert (row["outcome"], row["command"]) == ("failed", f"connector sync {shop.orders['ramp']}")


def test_csv_is_safe_for_spreadsheets(shop: Shop):
    account = shop.salesforce.records("Order")[shop.orders["gap"]]["AccountId"]
    shop.salesforce.update("Account", account, {"Name": '=HYPERLINK("http://evil.example","x")'})
    shop.run("sync", "--yes", shop.orders["gap"])
    (row,) = csv.DictReader(io.StringIO(shop.run("report", "failures", "--csv").out))
    assert row["name"] == '\'=HYPERLINK("http://evil.example","x")'
    assert (row["amount"], row["currency"]) == ("39900.00", "eur")


def test_status_says_in_short_what_the_reports_come_to(shop: Shop):
    shop.run("sync", "--yes")
    ran = shop.run("status")
    assert (
        "Won, but not billed: 4, at stake 43,572.00 EUR, 9,900.00 GBP, 15,000.00 USD, since 0 min: "
        "connector report won-not-billed" in ran.err
    )
    summary = {one["report"]: one for one in shop.run("status", "--json").document["reports"]}
    assert summary["won-not-billed"]["at_stake"] == {"eur": "4357200", "gbp": "990000", "usd": "1500000"}
    assert summary["drift"] == {"report": "drift", "count": 0, "oldest": None, "at_stake": {}}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [(("nonsense",), 64, "is no report"), (("all", "--json", "--csv"), 3, "give one of them")],
)
def test_a_wrong_question_is_told(shop: Shop, options: tuple[str, ...], code: int, words: str):
    ran = shop.run("report", *options)
    assert ran.code == code
    assert words in ran.err
