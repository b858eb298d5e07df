"""What may be forgotten: never the latest of a contract, never what is young, and only what was read out."""

from datetime import timedelta

from connector.journal import Journal
from tests.journal.builders import CRM, MINUTE, NOW, result, state

DAY = timedelta(days=1)


def ran(journal: Journal, days_ago: int, *keys: str) -> int:
    """Let a run see some contracts; return its number."""
    when = NOW - days_ago * DAY
    run = journal.start_run("sync", CRM, when, mapping_hash="m", config_hash="c")
    for key in keys:
        journal.record_contract(
            result(run_id=run.id, contract_key=key, recorded_at=when), state(contract_key=key, updated_at=when)
        )
    journal.finish_run(run.id, {}, when)
    return run.id


def planned(journal: Journal, days_ago: int, fingerprint: str, key: str = "order-1") -> None:
    journal.record_plan(CRM, key, fingerprint, plan={"n": 1}, verdict="apply", now=NOW - days_ago * DAY)


def test_the_last_result_of_a_contract_stays_however_old(journal: Journal):
    first, second = ran(journal, 90, "order-1", "order-2"), ran(journal, 80, "order-1")
    old = journal.old_results(NOW - 30 * DAY, limit=10)
    assert [(row["run_id"], row["contract_key"]) for row in old] == [(first, "order-1")]
    assert journal.remove_results(old) == 1
    assert [row.contract_key for row in journal.run_contracts(first)] == ["order-2"]
    assert [row.run_id for row in journal.contract_history(CRM, "order-1")] == [second]


def test_what_is_younger_than_the_limit_stays(journal: Journal):
    ran(journal, 29, "order-1")
    ran(journal, 1, "order-1")
    assert journal.old_results(NOW - 30 * DAY, limit=10) == []


def test_runs_go_when_they_hold_nothing_any_more(journal: Journal):
    empty, holding = ran(journal, 90), ran(journal, 80, "order-1")
    old = journal.old_runs(NOW - 30 * DAY, limit=10)
    assert [row["id"] for row in old] == [empty]
    assert journal.remove_runs(old) == 1
    assert journal.run(empty) is None
    assert journal.run(holding) is not None


def test_the_latest_plan_of_a_contract_stays_and_one_made_again_too(journal: Journal):
    planned(journal, 90, "f-1")
    planned(journal, 80, "f-2")
    planned(journal, 85, "g-1", "order-2")
    old = journal.old_plans(NOW - 30 * DAY, limit=10)
    assert [row["fingerprint"] for row in old] == ["f-1"]
    planned(journal, 0, "f-1")  # meanwhile
    assert journal.remove_plans(old) == 0
    assert journal.plan("f-1") is not None


def test_no_more_than_a_portion_at_a_time(journal: Journal):
    for days_ago in (90, 80, 70, 60):
        ran(journal, days_ago, "order-1")
    assert len(journal.old_results(NOW, limit=2)) == 2


def test_expired_approvals_go_and_the_audit_chain_keeps_them(journal: Journal):
    planned(journal, 0, "f-1")
    journal.approve("f-1", "dana", "checked", NOW, NOW + MINUTE)
    journal.ignore_edits(CRM, "order-1", "d", by="dana", reason="two free seats", now=NOW, told="")
    assert journal.remove_expired_approvals(NOW) == 0
    assert journal.remove_expired_approvals(NOW + MINUTE + timedelta(seconds=1)) == 1
    assert journal.ignored_edits("order-1", "d", NOW + 900 * DAY) is not None
    assert [entry.action for entry in journal.audit_entries()] == ["plan.approved", "drift.ignored"]
