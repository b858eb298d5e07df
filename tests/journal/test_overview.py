"""Looks over the whole journal."""

from datetime import timedelta
from typing import Any

import pytest

from connector.journal import Journal, JournalSchemaError
from tests.journal.builders import CRM, MINUTE, NOW, intent, save, state
from tests.postgres import run_alone


def test_billed_contracts_are_those_with_a_schedule_or_invoice_that_we_did_not_end(journal: Journal):
    for key, kind in (("a", "subscription_schedule"), ("b", "invoice"), ("c", "customer")):
        link: dict[str, Any] = {"stripe_id": key, "applied_hash": "", "applied": {}, "contract_key": key}
        journal.save_link(CRM, kind, key, **link, account_key="x", now=NOW)
    save(journal, "d", contract_key="d")
    ended = journal.record_intent(intent(contract_key="e", key="e", verb="retire", idempotency_key="e"), NOW)
    journal.record_result(ended.id, "sub_sched_e", None, NOW)
    assert journal.billed_keys(CRM, ["a", "b", "c", "d", "e", "f"]) == {"a", "b"}
    assert journal.billed_keys("other", ["a"]) == frozenset()


def test_long_contracts_are_found_page_by_page(journal: Journal):
    window = {"schedule": "s", "held": 10, "phases": 36}
    for number in range(5):
        journal.save_contract(state(contract_key=f"c{number}", status={"windows": [window]} if number % 2 == 0 else {}))
    journal.save_contract(state(contract_key="c9", status={"message": 'no "windows": here', "windows": []}))
    first = journal.long_contracts(CRM, limit=2)
    rest = journal.long_contracts(CRM, after=first[-1].contract_key)
    assert [one.contract_key for one in (*first, *rest)] == ["c0", "c2", "c4"]


def test_the_oldest_of_some_outcomes(journal: Journal):
    for number, outcome in enumerate(("applied", "failed", "refused", "failed")):
        journal.save_contract(state(contract_key=f"c{number}", outcome=outcome, since=NOW + number * MINUTE))
    assert journal.oldest_since(CRM, {"failed", "refused"}) == NOW + MINUTE
    assert journal.oldest_since(CRM, {"refused"}) == NOW + 2 * MINUTE
    assert journal.oldest_since(CRM, {"pending"}) is None


def test_open_intents_cursors_and_the_end_of_runs(journal: Journal):
    assert (journal.open_intents(CRM).count, journal.open_intents(CRM).oldest) == (0, None)
    journal.record_intent(intent(idempotency_key="1"), NOW + MINUTE)
    journal.record_intent(intent(idempotency_key="2"), NOW)
    assert (journal.open_intents(CRM).count, journal.open_intents(CRM).oldest) == (2, NOW)
    journal.save_cursor(CRM, "contracts", {"id": "1"}, NOW)
    assert [(one.stream, one.updated_at) for one in journal.cursors(CRM)] == [("contracts", NOW)]
    for number, job in enumerate(("sync", "sync", "sweep", "sync")):
        run = journal.start_run(job, CRM, NOW, mapping_hash="", config_hash="")
        if number < 3:
            journal.finish_run(run.id, {}, NOW + number * MINUTE)
    assert journal.last_ends(CRM) == {"sync": NOW + MINUTE, "sweep": NOW + 2 * MINUTE}


def test_the_check_tells_tables_of_another_version(journal: Journal, url: str):
    journal.check()
    run_alone(url, "UPDATE journal_version SET version_num = '0000'")
    with pytest.raises(JournalSchemaError):
        journal.check()


def test_a_state_keeps_since_when(journal: Journal):
    journal.save_contract(state(since=NOW - timedelta(days=3)))
    kept = journal.contract(CRM, "order-1")
    assert kept is not None
    assert kept.since == NOW - timedelta(days=3)
