"""Adopted edits: kept with who and why, taken over from one decision to the next, ended once."""

from connector.journal import Journal
from tests.journal.builders import CRM, MINUTE, NOW

EDIT = {
    "schedule": "order-1",
    "name": "quantity",
    "before": 35,
    "after": 36,
    "line": "line-1",
    "start": None,
    "end": None,
}
ANN, WHY = "ann@example.com", "promised by mail; Zürich"


def adopt(
    journal: Journal, *edits: object, contract: str = "order-1", instead_of: tuple[int, ...] = (), now=NOW
) -> None:
    given = [dict(EDIT, after=each) for each in edits]
    journal.adopt_edits(CRM, contract, given, instead_of=instead_of, by=ANN, reason=WHY, now=now)


def test_edits_come_back_as_they_were(journal: Journal):
    adopt(journal, 36, "99.5", True, None)
    rows = journal.adopted_edits(CRM, "order-1")
    assert [row.edit["after"] for row in rows] == [36, "99.5", True, None]
    assert rows[0].edit == EDIT
    assert {(row.adopted_by, row.adopted_at, row.reason) for row in rows} == {(ANN, NOW, WHY)}


def test_contracts_and_connections_are_apart(journal: Journal):
    adopt(journal, 36)
    assert journal.adopted_edits(CRM, "order-2") == ()
    assert journal.adopted_edits("another", "order-1") == ()


def test_a_later_decision_takes_the_place_of_an_earlier_one(journal: Journal):
    adopt(journal, 36, 37)
    first, second = journal.adopted_edits(CRM, "order-1")
    adopt(journal, 40, instead_of=(first.id,), now=NOW + MINUTE)
    rows = journal.adopted_edits(CRM, "order-1")
    assert rows[0] == second
    assert [row.edit["after"] for row in rows] == [37, 40]
    assert rows[1].adopted_at == NOW + MINUTE


def test_what_is_ended_is_gone_and_told_once(journal: Journal):
    adopt(journal, 36)
    (row,) = journal.adopted_edits(CRM, "order-1")
    for _ in range(2):
        journal.end_adopted(CRM, "order-1", [row.id], by="bob@example.com", reason="given back", now=NOW)
    assert journal.adopted_edits(CRM, "order-1") == ()
    told = [(entry.actor, entry.action) for entry in journal.audit_entries()]
    assert told == [(ANN, "drift.adopted"), ("bob@example.com", "drift.forgotten")]
    assert journal.verify_audit().intact
