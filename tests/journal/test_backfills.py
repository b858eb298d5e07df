"""Back-fills in the journal, on both databases: claims that nobody shares, checkpoints that only the holder writes."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from connector.journal import Backfill, BackfillItem, Journal, JournalError
from tests.journal.builders import CRM, NOW, at_once

LATER = NOW + timedelta(minutes=1)


def opened(journal: Journal, *records: str, **options: Any) -> Backfill:
    return journal.create_backfill(
        CRM,
        selection={"words": "all"},
        billed_through=options.pop("billed_through", None),
        mapping_hash="m",
        config_hash="c",
        by="dana",
        now=NOW,
        records=[(record, None) for record in records] if records else None,
    )


def claim(journal: Journal, backfill: Backfill, owner: str, limit: int = 10, **options: Any) -> list[str]:
    known: dict[str, Any] = {"state": "selected", "now": NOW, "until": LATER}
    return [i.record for i in journal.claim_items(backfill.id, owner, limit=limit, **(known | options))]


def planned(record: str, key: str | None = None, **values: Any) -> BackfillItem:
    known = {"verdict": "apply", "change": "new", "contract_key": key or f"key-{record}"}
    return BackfillItem(record, "planned", **(known | values))


def save(journal: Journal, backfill: Backfill, owner: str, *items: BackfillItem) -> frozenset[str]:
    return journal.save_items(backfill.id, owner, items, shared=["price a", "price b"], now=NOW)


def test_records_are_there_at_once_and_each_once(journal: Journal, other: Journal):
    backfill = opened(journal, "b", "a", "b", billed_through=date(2026, 12, 1))
    assert [i.record for i in other.items(backfill.id)] == ["a", "b"]
    assert {i.billed_through for i in other.items(backfill.id)} == {date(2026, 12, 1)}
    assert other.backfill(backfill.id) == backfill
    assert backfill.phase == "planning"


def test_pages_are_stored_once_and_in_order(journal: Journal, other: Journal):
    backfill = opened(journal)
    assert backfill.phase == "selecting"
    assert journal.add_page(backfill, ["a", "b"])
    assert not other.add_page(backfill, ["a", "b"]), "the same page, by another process"
    moved = journal.backfill(backfill.id)
    assert moved.cursor == "b"
    assert journal.add_page(moved, [])
    assert journal.backfill(backfill.id).phase == "planning"
    assert [i.record for i in journal.items(backfill.id)] == ["a", "b"]


def test_nobody_shares_a_claim(url: str):
    from connector.journal import open_journal  # noqa: PLC0415 -- a journal for each thread

    with open_journal(url) as journal:
        backfill = opened(journal, *(f"r{number:03d}" for number in range(120)))
    found: list[str] = []

    def work(number: int) -> None:
        with open_journal(url) as mine:
            while some := claim(mine, backfill, f"worker-{number}", limit=7):
                found.extend(some)

    at_once(4, work)
    assert Counter(found) == Counter({f"r{number:03d}": 1 for number in range(120)})


def test_a_claim_holds_until_it_ends_and_only_its_holder_writes(journal: Journal, other: Journal):
    backfill = opened(journal, "a", "b")
    assert claim(journal, backfill, "one") == ["a", "b"]
    assert claim(other, backfill, "two") == []
    journal.renew_claims(backfill.id, "one", LATER + timedelta(minutes=1))
    assert claim(other, backfill, "two", now=LATER, until=LATER + timedelta(hours=1)) == []
    ends = LATER + timedelta(minutes=1)
    assert claim(other, backfill, "two", limit=1, now=ends, until=ends + timedelta(hours=1)) == ["a"]
    save(other, backfill, "two", planned("a"))
    save(journal, backfill, "one", planned("a", verdict="refuse"), planned("b"))
    verdicts = {i.record: i.verdict for i in journal.items(backfill.id)}
    assert verdicts == {"a": "apply", "b": "apply"}, "what was lost is not overwritten; what is still held is written"
    assert not journal.settle_item(backfill.id, "one", planned("a", outcome="applied"), NOW)


def test_what_is_given_back_may_have_to_wait(journal: Journal):
    backfill = opened(journal, "a", "b", "c")
    claim(journal, backfill, "one")
    journal.release_items(backfill.id, "one", ["a"])
    journal.release_items(backfill.id, "one", ["b"], due_at=LATER)
    assert claim(journal, backfill, "two") == ["a"]
    assert claim(journal, backfill, "three", now=LATER - timedelta(seconds=1)) == []
    assert journal.items_in_hand(backfill.id, NOW) == 2
    assert claim(journal, backfill, "three", now=LATER) == ["a", "b", "c"], "claims have ended, and the time has come"


def test_a_contract_is_one_item_whoever_finds_it_first(journal: Journal, other: Journal):
    backfill = opened(journal, "a", "b", "c", "d")
    claim(journal, backfill, "one", limit=2)
    claim(other, backfill, "two", limit=2)
    assert save(journal, backfill, "one", planned("a", "same"), planned("b", "same")) == {"price a", "price b"}
    assert save(other, backfill, "two", planned("c", "same"), planned("d")) == frozenset()
    states = {i.record: (i.state, i.words) for i in journal.items(backfill.id)}
    assert states["a"] == ("planned", None)
    assert states["b"] == states["c"] == ("left_out", "the same contract as a")
    assert states["d"] == ("planned", None)
    assert journal.left_out_reasons(backfill.id) == {"same": 2}


def test_phases_move_once_whoever_moves_them(journal: Journal, other: Journal):
    backfill = opened(journal, "a")
    ends: dict[str, Any] = {"digest": "d", "verdict": "apply", "reasons": ["r"], "now": NOW}
    assert not journal.begin_apply(backfill.id, "dana", NOW), "nothing was shown yet"
    with pytest.raises(JournalError, match="has not ended; there is nothing to approve"):
        journal.approve_backfill(backfill, "erin", "x", NOW)
    assert journal.end_dry_run(backfill.id, **ends)
    assert not other.end_dry_run(backfill.id, **{**ends, "digest": "another"})
    assert journal.backfill(backfill.id).digest == "d"
    assert journal.begin_apply(backfill.id, "dana", NOW)
    assert not other.begin_apply(backfill.id, "erin", NOW)
    assert journal.end_apply(backfill.id, LATER)
    journal.reopen_backfill(backfill.id)
    found = other.backfill(backfill.id)
    assert (found.phase, found.applied_by, found.finished_at, found.reasons) == ("applying", "dana", None, ("r",))


def test_pause_resume_and_approval_are_in_the_audit_chain(journal: Journal):
    backfill = opened(journal, "a")
    journal.end_dry_run(backfill.id, digest="d", verdict="apply", reasons=[], now=NOW)
    journal.pause_backfill(backfill.id, "erin", "lunch", NOW)
    paused = journal.backfill(backfill.id).paused
    assert paused is not None
    assert paused["reason"] == "lunch"
    journal.unpause_backfill(backfill.id, "dana", NOW)
    journal.unpause_backfill(backfill.id, "dana", NOW)
    journal.approve_backfill(journal.backfill(backfill.id), "erin", "checked", NOW)
    assert journal.backfill(backfill.id).is_approved
    trail = [entry.action.removeprefix("backfill.") for entry in journal.audit_entries()]
    assert trail == ["started", "paused", "resumed", "approved"]
    assert journal.verify_audit().intact


def test_calls_add_up_level_by_level(journal: Journal):
    backfill = opened(journal, "a")
    journal.count_calls(backfill.id, {"crm": 2, "write": {"x": 1}})
    journal.count_calls(backfill.id, {"crm": 1, "stripe": 5, "write": {"x": 2, "y": 1}})
    assert journal.backfill(backfill.id).calls == {"crm": 3, "stripe": 5, "write": {"x": 3, "y": 1}}


def test_days_are_taken_over_in_one_statement_and_the_last_word_counts(journal: Journal):
    for day in (date(2026, 12, 1), date(2027, 1, 1)):
        backfill = opened(journal, "a", billed_through=day)
        claim(journal, backfill, "one")
        save(journal, backfill, "one", planned("a", "key", billed_through=day))
        journal.take_over(backfill.id, CRM, "dana", NOW)
        assert journal.takeover(CRM, "key") == day
    assert journal.takeover(CRM, "other") is None
    assert journal.takeover("another connection", "key") is None


def test_an_unknown_back_fill_is_said(journal: Journal):
    with pytest.raises(JournalError, match="there is no back-fill 77; `connector backfill list` shows all"):
        journal.backfill(77)
