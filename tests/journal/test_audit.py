"""The audit chain: grows under load, refuses change, and shows it when somebody changed it anyway."""

from decimal import Decimal

import pytest
from sqlalchemy.exc import DBAPIError

from connector.journal import AuditHead, Journal
from connector.journal.audit import GENESIS, append_audit
from tests.journal.builders import NOW, at_once
from tests.postgres import run_alone


def write(journal: Journal, count: int = 5) -> None:
    for number in range(count):
        journal.record_audit("ada", "config.changed", {"n": number, "limit": Decimal("1.50"), "é": "東京"}, NOW)


def force(url: str, *statements: str) -> None:
    """Do what only somebody with the database's own password can: switch the guard off first."""
    if url.startswith("sqlite"):
        guards = ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]
    else:
        guards = ["ALTER TABLE audit DISABLE TRIGGER audit_no_change"]
    run_alone(url, *guards, *statements)


def test_an_empty_chain_is_intact(journal: Journal):
    check = journal.verify_audit()
    assert check.intact
    assert (check.entries, check.head) == (0, AuditHead(0, GENESIS))


def test_a_chain_hangs_together(journal: Journal):
    write(journal)
    entries = journal.audit_entries()
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].prev_hash == GENESIS
    assert [entry.prev_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert entries[0].detail == {"n": 0, "limit": "1.50", "é": "東京"}
    check = journal.verify_audit()
    assert (check.intact, check.entries, check.head) == (True, 5, journal.audit_head())


def test_pages(journal: Journal):
    write(journal)
    assert [entry.seq for entry in journal.audit_entries(after=2, limit=2)] == [3, 4]


def test_the_same_acts_seal_alike_on_both_databases(journal: Journal):
    write(journal, 2)
    assert journal.audit_head().hash == "a3aadabfc646b7b27fe71c6c2e893f98e7d9cfad4930d14e3874e7116cc015f7"


def test_a_chain_longer_than_a_page(journal: Journal):
    with journal._writing() as database:
        for number in range(1_001):
            append_audit(database, actor="ada", action="a", detail={"n": number}, now=NOW)
    assert journal.verify_audit().entries == 1_001


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit WHERE seq = 5"])
def test_the_database_refuses_changes(journal: Journal, url: str, statement: str):
    write(journal)
    with pytest.raises(DBAPIError, match="the audit chain is append-only"):
        run_alone(url, statement)
    assert journal.verify_audit().intact


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE audit SET actor = 'bob' WHERE seq = 3", "row 3 was changed"),
        ("UPDATE audit SET detail = '{\"n\":7}' WHERE seq = 1", "row 1 was changed"),
        ("UPDATE audit SET at = '2026-11-24 09:30:01.000000' WHERE seq = 5", "row 5 was changed"),
        ("UPDATE audit SET hash = 'abc' WHERE seq = 2", "row 2 was changed"),
        ("UPDATE audit SET prev_hash = 'abc' WHERE seq = 2", "row 2 does not follow row 1"),
        ("DELETE FROM audit WHERE seq = 1", "row 1 is missing"),
        ("DELETE FROM audit WHERE seq = 4", "row 4 is missing"),
    ],
)
def test_tampering_shows(journal: Journal, url: str, tampering: str, problem: str):
    write(journal)
    force(url, tampering)
    check = journal.verify_audit()
    assert not check.intact
    assert check.problem == problem


def test_a_cut_off_end_shows_against_a_head_kept_elsewhere(journal: Journal, url: str):
    write(journal)
    known = journal.audit_head()
    force(url, "DELETE FROM audit WHERE seq > 3")
    assert journal.verify_audit().intact
    assert journal.verify_audit(known).problem == "row 5 is not the one that was known before"
    write(journal, 4)  # new rows in its place do not hide it
    assert journal.verify_audit(known).problem is not None


def test_a_chain_that_grew_still_holds_its_old_head(journal: Journal):
    write(journal, 2)
    known = journal.audit_head()
    write(journal, 2)
    assert journal.verify_audit(known).intact
    assert journal.verify_audit(AuditHead(0, GENESIS)).intact


def test_many_writers_make_one_chain(journal: Journal, other: Journal):
    books = (journal, other)
    at_once(8, lambda number: write(books[number % 2], 10))
    check = journal.verify_audit()
    assert (check.intact, check.entries) == (True, 80)
