"""`pause`, `resume`, `dead`, `retry` and `run --once`: what ops do when something is stuck."""

import json

import pytest

from connector.sandbox.http import FaultRule
from tests.cli.conftest import Ran, Shop

REFUSED = {"error": {"type": "invalid_request_error", "message": "Not with this account."}}


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` logs to stderr from then on; here it does not, since the next test has another stderr."""
    monkeypatch.setattr("connector.cli.run.start_logging", lambda _: None)


@pytest.fixture
def synced(shop: Shop) -> Shop:
    assert shop.run("db", "upgrade").code == 0
    assert shop.run("sync").code == 4
    return shop


def composites(shop: Shop) -> int:
    return sum(1 for request in shop.salesforce.log if request.route.endswith("/composite"))


def status(shop: Shop) -> Ran:
    return shop.run("status", "--json")


# --- pause ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["salesforce", "all"])
def test_a_paused_connection_says_so_and_needs_force(synced: Shop, name: str):
    paused = synced.run("pause", name, "--reason", "moving the org", "--by", "dana")
    assert (paused.code, "by dana: moving the org" in paused.err) == (0, True)
    for command in (["sync"], ["sync", synced.orders["ramp"]], ["apply", "--yes"]):
        ran = synced.run(*command)
        assert ran.code == 7, command
        assert "moving the org. Nothing was done; use --force" in ran.err
    assert synced.run("plan", synced.orders["ramp"]).code == 0, "looking is allowed"
    forced = synced.run("sync", synced.orders["ramp"], "--force")
    assert (forced.code, "Forced although paused" in forced.err) == (0, True)
    shown = status(synced).document["paused"]
    assert (shown["by"], shown["reason"]) == ("dana", "moving the org")
    assert "moving the org" in synced.run("status").err
    assert "goes on" in synced.run("resume", name).err
    assert status(synced).document["paused"] is None
    assert synced.run("sync", synced.orders["ramp"]).code == 0


def test_resuming_one_of_all_that_are_paused_says_what_still_holds(synced: Shop):
    synced.run("pause", "all", "--reason", "weekend")
    ran = synced.run("resume", "salesforce")
    assert "salesforce was not paused." in ran.err
    assert "Still paused: all connections" in ran.err
    assert "was not paused" not in synced.run("resume", "all").err


def test_a_connection_that_is_not_there_cannot_be_paused(synced: Shop):
    ran = synced.run("pause", "hubspot", "--reason", "x")
    assert (ran.code, "there are salesforce, and all" in ran.err) == (3, True)


# --- dead and retry ---------------------------------------------------------------------------------------


def test_dead_letters_are_listed_with_what_to_do(synced: Shop):
    ran = synced.run("dead")
    assert ran.code == 4
    assert "fix_data: 4, the record has to change" in ran.out
    assert "START_MISSING: Missing: first day of the contract." in ran.out
    assert "fix: Fill in SBQQ__StartDate__c." in ran.out
    document = synced.run("dead", "--json").document
    assert document["counts"] == {"fix_data": 4}
    rows = {row["record"]: row for row in document["contracts"]}
    assert set(rows) == {synced.orders[name] for name in ("gap", "no_start", "fractional", "metered_quantity")}
    row = rows[synced.orders["no_start"]]
    assert (row["class"], row["code"], row["attempts"], row["due_at"]) == ("fix_data", "START_MISSING", 1, None)


def test_what_waits_is_listed_when_asked_for(synced: Shop):
    record = synced.orders["ramp"]
    synced.salesforce.update("Order", record, {"Stripe_Sync_Status__c": "Blocked"})
    before = composites(synced)
    synced.run("sync", record)
    last = composites(synced) - before  # reads, then the write
    synced.salesforce.update("Order", record, {"Stripe_Sync_Status__c": "Blocked"})
    refused = [{"message": "a validation rule", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION"}]
    synced.salesforce.inject(FaultRule("POST", "/composite", nth=last, status=400, body=refused))
    assert synced.run("sync", record).code == 0
    assert synced.run("dead", "--class", "wait").code == 4
    assert record not in synced.run("dead").out
    shown = synced.run("dead", "--waiting").out
    assert "wait: 1, tried again by itself" in shown
    assert "CRM_NOT_TOLD: billing is done, but the CRM could not be told" in shown
    assert ", next 20" in shown
    synced.run("retry", record)
    stripe_calls = len(synced.stripe.log)
    assert synced.run("run", "--once", "write_back").code == 0
    assert synced.salesforce.records("Order")[record]["Stripe_Sync_Status__c"] == "Synced"
    assert len(synced.stripe.log) == stripe_calls, "billing was right already"
    assert "wait" not in status(synced).document["failures"]


def test_retry_makes_one_due_and_the_next_sync_takes_it_up(synced: Shop):
    record = synced.orders["ramp"]
    synced.salesforce.update("Order", record, {"PoNumber": "PO-1"})
    synced.stripe.inject(FaultRule("POST", "/v1/subscription_schedules/", status=400, body=REFUSED, times=None))
    synced.run("sync", record)
    (row,) = [row for row in synced.run("dead", "--json").document["contracts"] if row["record"] == record]
    assert (row["class"], row["code"], row["error"]) == (
        "fix_data",
        "STRIPE_REJECTED",
        "Stripe refused: Not with this account.",
    )
    synced.stripe.clear_faults()
    done = synced.run("retry", record)
    assert (done.code, "1 contracts are due now" in done.err) == (0, True)
    assert synced.run("run", "--once", "retry").code == 0
    assert record not in synced.run("dead").out
    assert status(synced).document["failures"] == {"fix_data": 4}


def test_retry_of_a_class_and_of_all(synced: Shop):
    assert "4 contracts are due now" in synced.run("retry", "--class", "fix_data").err
    assert "0 contracts are due now" in synced.run("retry", "--class", "bug").err
    assert "4 contracts are due now" in synced.run("retry", "--all").err
    assert synced.run("run", "--once", "retry").code == 0
    rows = synced.run("dead", "--json").document["contracts"]
    assert [row["attempts"] for row in rows] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    "arguments", [["retry"], ["retry", "--all", "--class", "bug"], ["retry", "8018Z0000000001QAA", "--all"]]
)
def test_retry_wants_to_know_what(synced: Shop, arguments: list[str]):
    assert synced.run(*arguments).code == 64


def test_retry_of_what_did_not_fail_is_an_error(synced: Shop):
    ran = synced.run("retry", synced.orders["ramp"])
    assert (ran.code, "has no failure" in ran.err) == (3, True)


# --- run --once -------------------------------------------------------------------------------------------


def test_a_job_can_be_run_once_by_a_cron(shop: Shop):
    shop.run("db", "upgrade")
    assert shop.run("run", "--once", "sync").code == 0
    assert status(shop).document["contracts"][0]["outcome"] == "refused"
    runs = {row["outcome"] for row in status(shop).document["contracts"]}
    assert "applied" in runs
    shop.run("pause", "all", "--reason", "weekend")
    assert shop.run("run", "--once", "sync").code == 8, "it did not run"
    assert shop.run("run", "--once", "housekeeping").code == 0


def test_a_job_that_is_not_there_is_named_with_those_that_are(synced: Shop):
    ran = synced.run("run", "--once", "sink")
    assert (ran.code, "there are sync, write_back, retry, sweep" in ran.err) == (3, True)


def test_a_vendor_that_is_away_is_shown_by_status(synced: Shop):
    synced.config.write_text(synced.config.read_text("utf-8") + "\n[jobs]\nbreaker_outages = 2\n", encoding="utf-8")
    synced.stripe.inject(FaultRule(route="/v1/", status=503, times=None))
    synced.salesforce.update("Order", synced.orders["ramp"], {"PoNumber": "PO-2"})
    synced.run("sync", synced.orders["ramp"])
    (away,) = status(synced).document["away"]
    assert (away["vendor"], away["state"]) == ("Stripe", "open")
    assert "Stripe is away since" in synced.run("status").err
    assert json.loads(json.dumps(away))["reason"].startswith("Stripe is busy (503)")
