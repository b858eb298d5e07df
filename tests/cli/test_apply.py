"""`apply`, `sync`, `approve` and `status`: look, decide, do, and see how it stands."""

import re
from dataclasses import replace

import pytest

from connector.journal import open_journal
from connector.sandbox.http import FaultRule
from tests.cli.conftest import Shop

ONE_THOUSAND = ('mode = "test"', 'mode = "test"\nsafety.max_contract_amount = { usd = 1000 }')


def schedules(shop: Shop) -> int:
    tenant = shop.stripe.state.get("sk_test_sandbox")
    return len(tenant.objects["subscription_schedule"]) if tenant else 0


# --- apply -----------------------------------------------------------------------------------------


def test_apply_shows_asks_and_applies(shop: Shop):
    ran = shop.run("apply", shop.orders["ramp"], stdin="y\n")
    assert ran.code == 0
    assert ran.out.count("tie-out  CRM 162,000.00 USD") == 1, "the plan is shown once"
    assert ran.err.startswith("Apply? [y/N]:")
    assert ran.err.endswith("1 applied; 6 Stripe writes.\n")
    assert schedules(shop) == 1


def test_no_is_no(shop: Shop):
    ran = shop.run("apply", shop.orders["ramp"], stdin="n\n")
    assert (ran.code, schedules(shop)) == (6, 0)
    assert ran.err.endswith("Nothing was changed.\n")


def test_where_nobody_can_answer_nothing_happens(shop: Shop):
    ran = shop.run("apply", shop.orders["ramp"])
    assert (ran.code, schedules(shop)) == (130, 0)
    assert ran.err.endswith("Nobody confirmed, so nothing was changed. Use --yes where nobody can.\n")
    assert "Traceback" not in ran.err


def test_yes_does_not_ask(shop: Shop):
    ran = shop.run("apply", shop.orders["ramp"], "--yes")
    assert (ran.code, schedules(shop)) == (0, 1)
    assert "Apply?" not in ran.err


@pytest.mark.parametrize(("name", "code"), [("gap", 3), ("ramp", 0)])
def test_nothing_to_apply_does_not_ask(shop: Shop, name: str, code: int):
    shop.run("sync", shop.orders["ramp"])
    ran = shop.run("apply", shop.orders[name])
    assert (ran.code, ran.err) == (code, "Nothing can be applied.\n")


def test_apply_as_json(shop: Shop):
    ran = shop.run("apply", shop.orders["ramp"], "--yes", "--json")
    assert ran.code == 0
    (contract,) = ran.document["contracts"]
    assert (ran.document["schema_version"], ran.document["counts"]) == (1, {"applied": 1})
    assert (contract["outcome"], contract["writes"], contract["error"]) == ("applied", 6, None)
    assert contract["status"]["schedule.id"].startswith("sub_sched_")
    ran = shop.run("apply", shop.orders["ramp"], "--yes", "--json")
    assert (ran.code, [plan["verdict"] for plan in ran.document["plans"]]) == (0, ["nothing"])


# --- sync ------------------------------------------------------------------------------------------


def test_sync_takes_the_company_and_then_nothing(shop: Shop):
    ran = shop.run("sync")
    assert ran.code == 4, "some contracts are refused, the others are done"
    assert re.search(r"^15 applied, 4 refused, 1 not active or on hold; \d+ Stripe writes\.$", ran.err, re.MULTILINE)
    before = len(shop.stripe.log)
    ran = shop.run("sync", "--json")
    assert ran.code in {0, 3, 4}
    assert {one["outcome"] for one in ran.document["contracts"]} <= {"nothing", "refused", "skipped"}
    assert len(shop.stripe.log) == before


@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        (["ramp"], 0, "1 applied; 6 Stripe writes."),
        (["gap"], 3, "1 refused; 0 Stripe writes."),
        (["gap", "ramp"], 4, "1 refused, 1 applied; 6 Stripe writes."),
        (["draft"], 0, "1 not active or on hold; 0 Stripe writes."),
    ],
)
def test_exit_codes_of_a_run(shop: Shop, names: list[str], code: int, words: str):
    ran = shop.run("sync", *(shop.orders[name] for name in names))
    assert (ran.code, ran.err.splitlines()[-1]) == (code, words)


def test_what_stripe_refuses_is_code_8_with_its_words(shop: Shop):
    body = {"error": {"type": "invalid_request_error", "message": "Not with this account."}}
    shop.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", status=400, body=body))
    ran = shop.run("sync", shop.orders["ramp"])
    assert ran.code == 8
    assert "! STRIPE_REJECTED  Stripe refused: Not with this account." in ran.out
    assert ran.err.splitlines()[0] == "    failed: Not with this account."


def test_a_missing_order_is_named_beside_those_that_were_done(shop: Shop):
    ran = shop.run("sync", shop.orders["ramp"], "801000000000000AAA")
    assert (ran.code, schedules(shop)) == (4, 1)
    assert ran.err.splitlines()[-1].startswith("the CRM has no order 801000000000000AAA")


# --- approve ---------------------------------------------------------------------------------------


def test_from_pending_to_applied(shop: Shop):
    shop.configure(ONE_THOUSAND)
    ran = shop.run("sync", shop.orders["ramp"], "--json")
    assert (ran.code, ran.document["counts"]) == (6, {"pending": 1})
    ran = shop.run("status")
    line = next(line for line in ran.out.splitlines() if "connector approve" in line)
    start = line.split()[-1]
    assert len(start) == 12
    ran = shop.run("approve", start, "--by", "ann", "--reason", "checked with sales")
    assert ran.code == 0
    assert ran.err.startswith(f"Approved {start} of {shop.orders['ramp']} until ")
    assert "The next sync applies it" in ran.err
    ran = shop.run("sync", shop.orders["ramp"], "--json")
    assert (ran.code, ran.document["counts"], schedules(shop)) == (0, {"applied": 1}, 1)


def test_a_plan_that_does_not_wait_cannot_be_approved(shop: Shop):
    ran = shop.run("approve", "abc", "--by", "ann", "--reason", "x")
    assert ran.code == 3
    assert ran.err.startswith("no plan that begins with 'abc' waits for approval; `connector status --only pending`")


def test_a_start_that_fits_several_plans_is_not_enough(shop: Shop):
    shop.configure(("[stripe]", '[safety]\nmax_contract_amount = { "*" = 1 }\n\n[stripe]'))
    shop.run("sync")
    states = shop.run("status", "--only", "pending", "--json").document["contracts"]
    starts = [state["status"]["fingerprint"][0] for state in states]
    twice = next((start for start in starts if starts.count(start) > 1), None)
    if twice is None:
        pytest.skip("all fingerprints begin differently today")
    ran = shop.run("approve", twice, "--by", "ann", "--reason", "x")
    assert ran.code == 3
    assert ran.err == f"{starts.count(twice)} plans begin with '{twice}'; give more of the fingerprint\n"


# --- status ----------------------------------------------------------------------------------------


def test_status_is_worst_first_with_what_to_do(shop: Shop):
    shop.run("sync", shop.orders["ramp"], shop.orders["gap"], shop.orders["draft"])
    ran = shop.run("status")
    assert ran.code == 4
    lines = ran.out.splitlines()
    assert lines[0] == f"refused  {shop.orders['gap']}  Nordwind Kontraktlogistik AG"
    assert lines[1].strip().startswith("SEGMENT_GAP: ")
    assert lines[2].strip().startswith("fix: Let the later segment start on ")
    assert lines[3].startswith(f"applied  {shop.orders['ramp']}  Everbright Cold Chain Inc.  next change ")


def test_status_as_json_and_narrowed(shop: Shop):
    shop.run("sync", shop.orders["ramp"], shop.orders["gap"])
    ran = shop.run("status", "--json", "--only", "applied")
    (contract,) = ran.document["contracts"]
    assert (ran.code, ran.document["schema_version"], ran.document["open_intents"]) == (0, 1, 0)
    assert (contract["record"], contract["outcome"]) == (shop.orders["ramp"], "applied")
    assert contract["status"]["segment_count"] == "3"


def test_an_outcome_that_does_not_exist_is_a_usage_error(shop: Shop):
    ran = shop.run("status", "--only", "broken")
    assert (ran.code, ran.out) == (64, "")
    assert "'broken' is no outcome; there are failed, refused, pending" in ran.err


def test_before_the_first_sync_there_is_nothing_to_tell(shop: Shop):
    ran = shop.run("status")
    assert (ran.code, ran.out) == (0, "")
    assert "no contract" in ran.err


def test_status_raises_the_alarm_for_a_long_contract_that_runs_short(shop: Shop):
    shop.run("sync", shop.orders["ramp"])
    database = next(shop.config.parent.glob("*.db"))
    with open_journal(f"sqlite:///{database}") as journal:
        state = journal.contract("salesforce", shop.orders["ramp"])
        assert state is not None
        window = {"schedule": "R", "phases": 36, "held": 10, "until": "2026-03-01", "extend": "2026-01-02"}
        status = {**state.status, "windows": [{**window, "short": "2026-01-20"}]}
        journal.save_contract(replace(state, status=status))
    ran = shop.run("status")
    assert ran.code == 4
    assert "WINDOW_SHORT  Stripe holds 10 of the 36 phases of the schedule R, up to 2026-03-01" in ran.err
    ran = shop.run("status", "--json")
    assert (ran.code, [issue["code"] for issue in ran.document["issues"]]) == (4, ["WINDOW_SHORT"])
    assert ran.document["issues"][0]["record"] == shop.orders["ramp"]
