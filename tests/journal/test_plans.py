"""Plans and approvals: an approval is of exactly one plan, for a time."""

import pytest

from connector.journal import Journal, JournalError
from tests.journal.builders import CRM, MINUTE, NOW


def record(journal: Journal, fingerprint: str = "f-1", contract_key: str = "order-1", now=NOW, verdict="approve"):
    plan = {"changes": [{"kind": "price", "note": "Zürich"}]}
    journal.record_plan(CRM, contract_key, fingerprint, plan=plan, verdict=verdict, now=now)


def test_a_plan_comes_back(journal: Journal):
    record(journal)
    found = journal.plan("f-1")
    assert found is not None
    assert (found.contract_key, found.verdict, found.created_at) == ("order-1", "approve", NOW)
    assert found.plan == {"changes": [{"kind": "price", "note": "Zürich"}]}
    assert journal.plan("f-2") is None


def test_the_same_plan_again_is_seen_again(journal: Journal):
    record(journal)
    record(journal, "f-2", now=NOW + MINUTE)
    record(journal, verdict="apply", now=NOW + 2 * MINUTE)
    latest = journal.latest_plan(CRM, "order-1")
    assert latest is not None
    assert (latest.fingerprint, latest.verdict) == ("f-1", "apply")
    assert (latest.created_at, latest.seen_at) == (NOW, NOW + 2 * MINUTE)


def test_a_plan_of_megabytes(journal: Journal):
    plan = {"lines": [{"n": n, "text": "東京 " * 100} for n in range(10_000)]}
    journal.record_plan(CRM, "order-1", "f-big", plan=plan, verdict="apply", now=NOW)
    found = journal.plan("f-big")
    assert found is not None
    assert found.plan == plan


def test_an_approval_holds_until_it_expires(journal: Journal):
    record(journal)
    given = journal.approve("f-1", "ada@example.com", "checked with finance", NOW, NOW + MINUTE)
    assert journal.approval("f-1", NOW) == given
    assert journal.approval("f-1", NOW + MINUTE) is None
    assert journal.approval("f-2", NOW) is None
    assert (given.contract_key, given.approved_by, given.reason) == (
        "order-1",
        "ada@example.com",
        "checked with finance",
    )


def test_the_latest_approval_counts(journal: Journal):
    record(journal)
    journal.approve("f-1", "ada", "first", NOW, NOW + 5 * MINUTE)
    again = journal.approve("f-1", "bob", "second", NOW + MINUTE, NOW + 2 * MINUTE)
    assert journal.approval("f-1", NOW + MINUTE) == again


def test_an_approval_is_in_the_audit_chain(journal: Journal):
    record(journal)
    journal.approve("f-1", "ada", "fine", NOW, NOW + MINUTE)
    (entry,) = journal.audit_entries()
    assert (entry.actor, entry.action, entry.detail["fingerprint"]) == ("ada", "plan.approved", "f-1")


def test_only_a_known_plan_can_be_approved(journal: Journal):
    with pytest.raises(JournalError, match="names 0 plans"):
        journal.approve("f-1", "ada", "fine", NOW, NOW + MINUTE)
    record(journal)
    record(journal, contract_key="order-2")
    with pytest.raises(JournalError, match="names 2 plans"):
        journal.approve("f-1", "ada", "fine", NOW, NOW + MINUTE)
    assert journal.audit_entries() == ()


def test_an_approval_that_is_over_before_it_begins(journal: Journal):
    record(journal)
    with pytest.raises(JournalError, match="must expire after"):
        journal.approve("f-1", "ada", "fine", NOW, NOW)
