"""Operations: the intent is on disk before the call, result and link are one, a crash leaves a question, not a lie."""

import subprocess
import sys

import pytest
from sqlalchemy.exc import DBAPIError

from connector.journal import Journal, JournalError, LeaseLostError
from tests.journal.builders import CRM, MINUTE, NOW, at_once, intent
from tests.postgres import run_alone


def test_an_intent_is_on_disk_before_the_call(journal: Journal, other: Journal):
    operation = journal.record_intent(intent(), NOW)
    assert (operation.state, operation.attempts, operation.started_at) == ("intent", 1, NOW)
    assert other.pending_intents(CRM, "order-1") == (operation,)
    assert other.link(CRM, "subscription_schedule", "order-1/0") is None


def test_a_killed_process_leaves_its_intent(url: str, journal: Journal):
    program = (
        "import os, sys; from connector.journal import open_journal; from tests.journal.builders import NOW, intent\n"
        "open_journal(sys.argv[1]).record_intent(intent(), NOW); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, url], check=False, timeout=30).returncode == 9
    assert [operation.key for operation in journal.pending_intents(CRM)] == ["order-1/0"]


def test_the_result_closes_the_operation_and_writes_the_link(journal: Journal):
    run = journal.start_run("sync", CRM, NOW, mapping_hash="m", config_hash="c")
    operation = journal.record_intent(intent(run_id=run.id), NOW)
    link = journal.record_result(operation.id, "sub_sched_1", "req_1", NOW + MINUTE)
    assert (link.stripe_id, link.applied_hash, link.applied) == ("sub_sched_1", "desired-1", intent().applied)
    assert (link.contract_key, link.account_key, link.currency) == ("order-1", "acme", "eur")
    assert journal.link(CRM, "subscription_schedule", "order-1/0") == link
    (done,) = journal.run_operations(run.id)
    assert (done.state, done.stripe_id, done.request_id, done.finished_at) == (
        "done",
        "sub_sched_1",
        "req_1",
        NOW + MINUTE,
    )
    assert journal.pending_intents(CRM) == ()
    (entry,) = journal.audit_entries()
    assert (entry.actor, entry.action) == (f"run:{run.id}", "operation.done")
    assert entry.detail["stripe_id"] == "sub_sched_1"


def test_result_and_link_and_audit_are_all_or_nothing(journal: Journal, url: str):
    operation = journal.record_intent(intent(), NOW)
    run_alone(url, "ALTER TABLE audit RENAME TO hidden")  # the last step of the transaction now fails
    with pytest.raises(DBAPIError):
        journal.record_result(operation.id, "sub_sched_1", "req_1", NOW)
    assert journal.link(CRM, "subscription_schedule", "order-1/0") is None
    assert journal.pending_intents(CRM) == (operation,)


def test_a_result_said_twice_is_said_once(journal: Journal):
    operation = journal.record_intent(intent(), NOW)
    first = journal.record_result(operation.id, "sub_sched_1", "req_1", NOW)
    assert journal.record_result(operation.id, "sub_sched_1", "req_2", NOW) == first
    assert len(journal.audit_entries()) == 1
    with pytest.raises(JournalError, match="already produced sub_sched_1"):
        journal.record_result(operation.id, "sub_sched_2", "req_3", NOW)


def test_an_older_result_said_again_does_not_undo_a_newer_one(journal: Journal):
    first = journal.record_intent(intent(), NOW)
    journal.record_result(first.id, "sub_sched_1", "req_1", NOW)
    second = journal.record_intent(intent(verb="update", idempotency_key="k2", applied_hash="desired-2"), NOW)
    journal.record_result(second.id, "sub_sched_1", "req_2", NOW)
    assert journal.record_result(first.id, "sub_sched_1", "req_1", NOW).applied_hash == "desired-2"


def test_the_same_key_is_the_same_operation_until_it_is_done(journal: Journal):
    first = journal.record_intent(intent(), NOW)
    again = journal.record_intent(intent(), NOW + MINUTE)
    assert (again.id, again.attempts, again.started_at) == (first.id, 2, NOW)
    journal.record_result(first.id, "sub_sched_1", None, NOW)
    assert journal.record_intent(intent(), NOW).id != first.id


def test_a_failed_operation_is_opened_again(journal: Journal):
    operation = journal.record_intent(intent(), NOW)
    error = {"code": "resource_missing", "message": "No such price"}
    failed = journal.record_failure(operation.id, error, NOW + MINUTE, request_id="req_1")
    assert (failed.state, failed.error, failed.request_id) == ("failed", error, "req_1")
    assert failed.finished_at == NOW + MINUTE
    assert journal.pending_intents(CRM) == ()
    again = journal.record_intent(intent(), NOW + 2 * MINUTE)
    assert (again.id, again.state, again.error, again.finished_at) == (operation.id, "intent", None, None)
    assert [entry.action for entry in journal.audit_entries()] == ["operation.failed"]


def test_a_key_belongs_to_one_body(journal: Journal):
    journal.record_intent(intent(), NOW)
    with pytest.raises(JournalError, match="was used for another body"):
        journal.record_intent(intent(body_hash="body-2"), NOW)


def test_a_success_cannot_fail_afterwards(journal: Journal):
    operation = journal.record_intent(intent(), NOW)
    journal.record_result(operation.id, "sub_sched_1", None, NOW)
    with pytest.raises(JournalError, match="has succeeded"):
        journal.record_failure(operation.id, {}, NOW)


def test_an_unknown_operation_is_an_error(journal: Journal):
    with pytest.raises(JournalError, match="no operation 7"):
        journal.record_result(7, "sub_sched_1", None, NOW)


def test_retiring_keeps_the_link_and_marks_it(journal: Journal):
    made = journal.record_intent(intent(), NOW)
    journal.record_result(made.id, "sub_sched_1", None, NOW)
    ended = journal.record_intent(intent(verb="retire", idempotency_key="end"), NOW)
    assert journal.record_result(ended.id, "sub_sched_1", None, NOW + MINUTE).retired_at == NOW + MINUTE
    reborn = journal.record_intent(intent(idempotency_key="again"), NOW)
    link = journal.record_result(reborn.id, "sub_sched_2", None, NOW)
    assert (link.stripe_id, link.retired_at) == ("sub_sched_2", None)


def test_the_epoch_counts_what_is_settled(journal: Journal):
    def epoch():
        return journal.epoch(CRM, "subscription_schedule", "order-1/0")

    assert epoch() == 0
    operation = journal.record_intent(intent(), NOW)
    assert epoch() == 0  # a crash here must find the same key again
    journal.record_result(operation.id, "sub_sched_1", None, NOW)
    assert epoch() == 1


def test_the_latest_operations_come_first(journal: Journal):
    first = journal.record_intent(intent(), NOW)
    second = journal.record_intent(intent(key="order-1/1", idempotency_key="k2"), NOW)
    journal.record_intent(intent(contract_key="order-2", idempotency_key="k3"), NOW)
    assert journal.contract_operations(CRM, "order-1") == (second, first)
    assert journal.contract_operations(CRM, "order-1", limit=1) == (second,)


def test_a_lost_lease_stops_the_intent(journal: Journal):
    lease = journal.acquire_lease("acme", "worker-1", NOW, MINUTE)
    assert lease is not None
    journal.record_intent(intent(), NOW, lease=lease)
    assert journal.acquire_lease("acme", "worker-2", NOW + 2 * MINUTE, MINUTE) is not None
    with pytest.raises(LeaseLostError, match="worker-1 no longer holds account acme"):
        journal.record_intent(intent(idempotency_key="k2"), NOW, lease=lease)
    assert len(journal.pending_intents(CRM)) == 1


def test_workers_at_once_share_one_intent(journal: Journal, other: Journal):
    books = (journal, other)
    found = at_once(8, lambda number: books[number % 2].record_intent(intent(), NOW))
    assert len({operation.id for operation in found}) == 1
    assert sorted(operation.attempts for operation in found) == list(range(1, 9))
