"""Runs, the state of contracts, cursors: what the status page reads."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from connector.journal import Journal, JournalError
from tests.journal.builders import CRM, MINUTE, NOW, result, state


def start(journal: Journal, job="sync"):
    return journal.start_run(job, CRM, NOW, mapping_hash="m", config_hash="c")


def test_a_run_from_start_to_finish(journal: Journal):
    run = start(journal)
    assert (run.job, run.finished_at, run.counts) == ("sync", None, None)
    journal.finish_run(run.id, {"applied": 3, "blocked": 1}, NOW + MINUTE)
    finished = journal.run(run.id)
    assert finished is not None
    assert (finished.counts, finished.finished_at) == ({"applied": 3, "blocked": 1}, NOW + MINUTE)


def test_finishing_a_run_that_never_was(journal: Journal):
    assert journal.run(7) is None
    with pytest.raises(JournalError, match="no run 7"):
        journal.finish_run(7, {}, NOW)


def test_the_latest_runs_come_first(journal: Journal):
    first, second, third = start(journal), start(journal, "backfill"), start(journal)
    assert journal.latest_runs(CRM) == (third, second, first)
    assert journal.latest_runs(CRM, job="sync", limit=1) == (third,)
    assert journal.latest_runs("hubspot") == ()


def test_what_a_run_made_of_a_contract(journal: Journal):
    run = start(journal)
    issues = ({"code": "start_missing", "message": "No start date", "record": "Order/801"},)
    tie_out = {"EUR": {"contract": Decimal("1000.00"), "billed": Decimal("999.96"), "rounding": Decimal("0.04")}}
    journal.record_contract(result(run_id=run.id, issues=issues, tie_out=tie_out, fingerprint="f-1"), state())
    last = journal.last_contract(CRM, "order-1")
    assert last is not None
    assert (last.outcome, last.issues, last.fingerprint, last.duration_ms) == ("applied", issues, "f-1", 12)
    assert last.tie_out == {"EUR": {"contract": "1000.00", "billed": "999.96", "rounding": "0.04"}}
    assert journal.contract(CRM, "order-1") == state()


def test_the_last_run_counts(journal: Journal):
    first, second = start(journal), start(journal)
    journal.record_contract(result(run_id=first.id))
    journal.record_contract(result(run_id=second.id, outcome="blocked"))
    journal.record_contract(result(run_id=second.id, outcome="unchanged"))
    assert [row.outcome for row in journal.contract_history(CRM, "order-1")] == ["unchanged", "applied"]
    assert journal.last_contract(CRM, "order-2") is None


def test_a_result_needs_its_run_and_takes_the_state_with_it(journal: Journal):
    with pytest.raises(IntegrityError):
        journal.record_contract(result(run_id=7), state())
    assert journal.contract(CRM, "order-1") is None


def test_the_contracts_of_a_run_in_pages(journal: Journal):
    run = start(journal)
    for number in range(5):
        journal.record_contract(result(run_id=run.id, contract_key=f"order-{number}"))
    page = journal.run_contracts(run.id, after="order-1", limit=2)
    assert [row.contract_key for row in page] == ["order-2", "order-3"]


def test_contract_states_in_pages_and_by_outcome(journal: Journal):
    for number in range(6):
        outcome = "blocked" if number % 2 else "billing"
        journal.save_contract(state(contract_key=f"order-{number}", outcome=outcome, account_key=f"a-{number % 3}"))
    page = journal.contract_states(CRM, outcome="blocked", after="order-1", limit=5)
    assert [row.contract_key for row in page] == ["order-3", "order-5"]
    assert [row.contract_key for row in journal.contract_states(CRM, account_key="a-0")] == ["order-0", "order-3"]
    assert journal.contract_counts(CRM) == {"billing": 3, "blocked": 3}
    assert journal.contract_counts("hubspot") == {}


def test_many_states_at_once(journal: Journal):
    journal.save_contract(state())
    found = journal.contracts(CRM, ["order-1", "order-1", *(f"order-{number}" for number in range(2, 2_500))])
    assert found == {"order-1": state()}


def test_contracts_that_are_due(journal: Journal):
    days = (("order-1", date(2027, 1, 1)), ("order-2", date(2026, 12, 1)), ("order-3", date(2027, 1, 2)))
    for key, day in days:
        journal.save_contract(state(contract_key=key, next_change=day))
    journal.save_contract(state(contract_key="order-4"))
    due = journal.due_contracts(CRM, date(2027, 1, 1))
    assert [row.contract_key for row in due] == ["order-2", "order-1"]


def test_a_forgotten_contract_is_unknown(journal: Journal):
    journal.save_contract(state())
    assert journal.forget_contract(CRM, "order-1")
    assert not journal.forget_contract(CRM, "order-1")
    assert journal.contract(CRM, "order-1") is None


def test_cursors(journal: Journal):
    assert journal.cursor(CRM, "orders") is None
    journal.save_cursor(CRM, "orders", ["2026-11-24T09:00:00Z", "801"], NOW)
    journal.save_cursor(CRM, "orders", ["2026-11-24T09:30:00Z", "802"], NOW + MINUTE)
    cursor = journal.cursor(CRM, "orders")
    assert cursor is not None
    assert (cursor.value, cursor.updated_at) == (["2026-11-24T09:30:00Z", "802"], NOW + MINUTE)
    assert journal.cursor("hubspot", "orders") is None
    assert journal.forget_cursor(CRM, "orders")
    assert not journal.forget_cursor(CRM, "orders")
