"""What the CRM is told about a contract."""

from decimal import Decimal

import pytest

from connector.domain.contract import Contract
from connector.domain.issues import IssueCode, Source, block, warn
from connector.plan.existing import ExistingState
from connector.plan.safety import Judgement, Limits
from connector.plan.status import CrmStatus, Ids, crm_status, failed_status, shorten
from tests.builders import END, START, contract, day, line, once, ramp, tiers, usage
from tests.plan.builders import TODAY, judged, planned

JULY, END_2028 = day(2027, 7), day(2029)
RAMP = contract(
    *ramp((START, END, 10, 120), (END, END_2028, 20, 120)), line("L9", of="P2", price=2400, end=END_2028), end=END_2028
)
IDS = Ids({"schedule.id": "sub_sched_1"}, {"L1": {"price.id": "price_1"}})


def status_of(made: Contract, *, today=TODAY, limits: Limits | None = None, existing=None) -> CrmStatus:
    plan = planned(made, existing or ExistingState())
    judgement = judged(plan, limits=limits or Limits())
    return crm_status(plan, plan.issues, judgement, IDS, today)


def test_synced_with_ids_dates_and_revenue():
    status = status_of(RAMP, today=JULY)
    assert status.values == {
        "schedule.id": "sub_sched_1",
        "status": "Synced",
        "message": "",
        "remedy": "",
        "explanation": "",
        "code": None,
        "contract": "R1",
        "inputs": None,
        "fingerprint": planned(RAMP).fingerprint,
        "segment_count": 2,
        "current_segment": "Year 1",
        "current_segment_index": 1,
        "next_change": END,
        "mrr": Decimal("200.00"),
    }
    assert status.lines == {"L1": {"price.id": "price_1"}}
    assert not status.failed


def test_warnings_are_told_with_the_first_remedy():
    status = status_of(contract(line(), line("L2", of="P2", quantity=0)))
    assert status.values["status"] == "Synced"
    assert status.values["message"] == "QUANTITY_ZERO: Product P2: quantity is 0, nothing will be billed for the line"
    assert status.values["remedy"] == "Enter the quantity that was sold, or remove the line."


def test_blocked_with_reason_and_remedy_but_ids_all_the_same():
    status = status_of(contract(line(quantity="0.5", price=-1)))
    assert status.failed
    assert (status.values["status"], status.values["schedule.id"]) == ("Blocked", "sub_sched_1")
    assert status.values["code"] == "QUANTITY_FRACTION"
    message = str(status.values["message"])
    assert message.startswith("QUANTITY_FRACTION: Product P1: quantity 0.5 is not whole")
    assert message.endswith("(and 1 more)")
    assert str(status.values["remedy"]).startswith("Sell whole units")
    assert status.values["fingerprint"] is None
    assert status.values["explanation"] == f"{message} {status.values['remedy']}"
    assert not {"mrr", "contract", "inputs"} & set(status.values), "what was billed is known only when it is"


def test_a_contract_that_could_not_be_read_is_blocked_too():
    missing = block(IssueCode.START_MISSING, Source("R1"), "Missing: start.", "Fill it in.")
    status = crm_status(None, (missing,), None, Ids(), TODAY)
    assert (status.values["status"], status.values["message"]) == ("Blocked", "START_MISSING: Missing: start.")


def test_pending_tells_what_to_approve():
    status = status_of(RAMP, limits=Limits(max_contract_amount={"*": Decimal(1)}))
    assert status.failed
    assert status.values["status"] == "Pending"
    assert str(status.values["message"]).startswith("waiting for approval: the plan bills 6,000.00 USD")


def test_failed_keeps_the_ids():
    status = failed_status("Stripe is away", "Wait.", IDS)
    assert status.failed
    assert status.values == {
        "schedule.id": "sub_sched_1", "status": "Failed", "message": "Stripe is away", "remedy": "Wait.",
        "code": "NOT_CONVERGED", "explanation": "Stripe is away Wait.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ("short", "short"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 254 + "…"),
        ("x" * 250 + "    and more", "x" * 250 + "…"),
    ],
)
def test_texts_fit_the_crms_fields(words, cut):
    assert shorten(words) == cut
    assert len(cut) <= 255


def test_long_messages_are_cut():
    notes = tuple(warn(IssueCode.LINE_SKIPPED, Source(f"L{n}"), f"line {n} is skipped", "clear") for n in range(50))
    status = crm_status(None, notes, Judgement(judged(planned(RAMP)).verdict), Ids(), TODAY)
    assert len(str(status.values["message"])) == 255


@pytest.mark.parametrize(
    ("today", "segment", "next_change", "mrr"),
    [
        (TODAY, None, START, "200.00"),
        (START, "Year 1", END, "200.00"),
        (day(2027, 12, 31), "Year 1", END, "200.00"),
        (END, "Year 2", None, "300.00"),
        (END_2028, None, None, "0.00"),
        (day(2040), None, None, "0.00"),
    ],
)
def test_progress_follows_the_day(today, segment, next_change, mrr):
    values = status_of(RAMP, today=today).values
    assert (values["current_segment"], values["next_change"], values["mrr"]) == (segment, next_change, Decimal(mrr))


@pytest.mark.parametrize(
    ("made", "today", "mrr"),
    [
        (contract(line(price=1000, interval=1)), START, "83.33"),
        (contract(line(price=1200), line("L2", of="P2", price=60, interval=1)), TODAY, "105.00"),
        (contract(line(price=1200), usage(), once()), START, "100.00"),
        (contract(line(price=0, **tiers((None, "1", None)))), START, "0.00"),
        (contract(line(price=180, end=day(2028, 7))), day(2028, 2), "10.00"),
        (contract(line(price=380, end=day(2028, 1, 21))), day(2028, 1, 2), "30.02"),
        (contract(line(price=120000, interval=1), currency="jpy"), START, "10000"),
    ],
    ids=["a third of a cent", "two frequencies, before the start", "usage and one-time", "tiers", "stub",
         "stub of days", "yen"],
)  # fmt: skip
def test_monthly_recurring_revenue(made, today, mrr):
    values = status_of(made, today=today).values
    assert str(values["mrr"]) == mrr


def test_an_order_of_one_time_lines_has_no_progress():
    assert "mrr" not in status_of(contract(once())).values


def test_contracts_without_segments_count_none():
    values = status_of(contract(line()), today=JULY).values
    assert (values["segment_count"], values["current_segment"]) == (None, None)
