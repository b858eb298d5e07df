"""Failures: written together with the contract's page, gone when it is right, due when their time has come."""

from dataclasses import replace
from datetime import datetime, timedelta

from connector.journal import FailureState, Journal
from tests.journal.builders import CRM, MINUTE, NOW, result, state

WAITS = FailureState(
    connection=CRM,
    contract_key="order-1",
    record="801-1",
    kind="wait",
    code="AWAY",
    error="Stripe is away",
    remedy="",
    since=NOW,
    attempts=1,
    last_at=NOW,
    due_at=NOW + MINUTE,
    mapping_hash="m1",
)
STUCK = replace(WAITS, contract_key="order-2", record="801-2", kind="fix_data", code="START_MISSING", due_at=None)
MAPPED = replace(STUCK, contract_key="order-3", record="801-3", kind="fix_mapping")
BUG = replace(STUCK, contract_key="order-4", record="801-4", kind="bug")


def write(journal: Journal, key: str, record: str, failure: FailureState | None = None) -> None:
    run = journal.start_run("sync", CRM, NOW, mapping_hash="m", config_hash="c")
    journal.record_contract(result(run_id=run.id, contract_key=key), state(contract_key=key, record=record), failure)


def fail(journal: Journal, *failures: FailureState) -> None:
    for failure in failures:
        write(journal, failure.contract_key, failure.record, failure)


def due(journal: Journal, now: datetime = NOW, mapping: str = "m1") -> list[str]:
    return [failure.contract_key for failure in journal.due_failures(CRM, now, mapping)]


def test_a_failure_is_there_until_the_contract_is_right(journal: Journal):
    fail(journal, WAITS)
    assert journal.failure(CRM, "order-1") == WAITS
    write(journal, "order-1", "801-1")
    assert journal.failure(CRM, "order-1") is None


def test_what_waits_is_due_when_its_time_has_come(journal: Journal):
    fail(journal, WAITS, STUCK, BUG)
    assert due(journal) == []
    assert due(journal, NOW + MINUTE) == ["order-1"]


def test_another_mapping_file_unlocks_data_and_mapping_but_no_bug(journal: Journal):
    fail(journal, WAITS, STUCK, MAPPED, BUG)
    assert due(journal, mapping="m2") == ["order-2", "order-3"]


def test_retry_makes_one_a_class_or_all_due(journal: Journal):
    fail(journal, WAITS, STUCK, MAPPED, BUG)
    assert journal.retry_failures(CRM, NOW, contract="801-4") == 1
    assert due(journal) == ["order-4"]
    assert journal.retry_failures(CRM, NOW, kind="fix_data") == 1
    assert due(journal) == ["order-2", "order-4"]
    assert journal.retry_failures(CRM, NOW) == 4
    assert journal.retry_failures(CRM, NOW, contract="801-9") == 0


def test_listed_in_pages_and_counted_by_class(journal: Journal):
    fail(journal, WAITS, STUCK, MAPPED, BUG)
    assert [one.contract_key for one in journal.failures(CRM, limit=2)] == ["order-1", "order-2"]
    assert [one.contract_key for one in journal.failures(CRM, after="order-2")] == ["order-3", "order-4"]
    assert [one.contract_key for one in journal.failures(CRM, kinds={"bug", "wait"})] == ["order-1", "order-4"]
    assert journal.failure_counts(CRM) == {"bug": 1, "fix_data": 1, "fix_mapping": 1, "wait": 1}


def test_what_was_looked_for_in_vain_is_forgotten_and_what_failed_again_is_not(journal: Journal):
    fail(journal, WAITS, STUCK)
    fail(journal, replace(STUCK, last_at=NOW + timedelta(seconds=2)))
    assert journal.forget_failures(CRM, ["order-1", "order-2"], NOW + timedelta(seconds=1)) == 1
    assert [one.contract_key for one in journal.failures(CRM)] == ["order-2"]


def test_a_contract_that_is_right_under_another_key_ends_the_failure_of_its_record(journal: Journal):
    fail(journal, replace(STUCK, contract_key="salesforce:801-1", record="801-1"))
    write(journal, "order-1", "801-1")
    assert journal.failures(CRM) == ()
