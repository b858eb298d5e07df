"""Slots: one firing for each, whoever is first; what was killed or handed back can be taken again."""

from datetime import timedelta

from connector.journal import Journal
from tests.journal.builders import CRM, MINUTE, NOW, at_once

SLOT = NOW.replace(second=0, microsecond=0)


def claim(journal: Journal, owner: str = "a", *, job: str = "sync", slot=SLOT, now=NOW, minutes: int = 1) -> bool:
    return journal.claim_slot(job, CRM, slot, owner=owner, now=now, until=now + minutes * MINUTE)


def test_of_many_that_claim_one_gets_it(journal: Journal):
    taken = at_once(8, lambda number: claim(journal, f"p{number}"))
    assert sorted(taken) == [False] * 7 + [True]


def test_each_job_connection_and_slot_is_its_own(journal: Journal):
    assert claim(journal)
    assert claim(journal, job="retry")
    assert claim(journal, slot=SLOT + MINUTE)
    assert journal.claim_slot("sync", "other", SLOT, owner="a", now=NOW, until=NOW + MINUTE)
    assert not claim(journal)


def test_what_is_done_is_not_done_again(journal: Journal):
    claim(journal)
    journal.finish_slot("sync", CRM, SLOT, owner="a", now=NOW)
    assert not claim(journal, "b", now=NOW + 10 * MINUTE)
    assert not journal.slot_is_free("sync", CRM, SLOT, NOW + 10 * MINUTE)
    assert journal.slot_is_free("sync", CRM, SLOT + MINUTE, NOW + 10 * MINUTE)


def test_a_claim_that_is_not_renewed_can_be_taken_over(journal: Journal):
    claim(journal)
    assert not claim(journal, "b", now=NOW + timedelta(seconds=59))
    journal.renew_slots("a", NOW + 2 * MINUTE, [("sync", CRM), ("retry", CRM)])
    assert not claim(journal, "b", now=NOW + MINUTE)
    assert claim(journal, "b", now=NOW + 2 * MINUTE)


def test_a_run_that_is_in_hand_keeps_the_next_slot_closed(journal: Journal):
    claim(journal)
    assert not journal.slot_is_free("sync", CRM, SLOT + MINUTE, NOW + timedelta(seconds=30))
    assert journal.slot_is_free("sync", CRM, SLOT + MINUTE, NOW + MINUTE), "its process shows no sign of life"


def test_what_is_handed_back_can_be_taken_from_then_on(journal: Journal):
    claim(journal)
    journal.hand_back_slot("sync", CRM, SLOT, owner="a", again=NOW + timedelta(seconds=5))
    assert not claim(journal, "b", now=NOW + timedelta(seconds=4))
    assert claim(journal, "b", now=NOW + timedelta(seconds=5))
    journal.hand_back_slot("sync", CRM, SLOT, owner="a", again=NOW)
    assert not claim(journal, "c", now=NOW + timedelta(seconds=6)), "it was no longer a's to give"


def test_a_sign_of_life_does_not_hold_what_was_handed_back_and_the_next_slot_is_free(journal: Journal):
    claim(journal)
    journal.hand_back_slot("sync", CRM, SLOT, owner="a", again=NOW + timedelta(seconds=30))
    journal.renew_slots("a", NOW + 5 * MINUTE, [("sync", CRM)])
    assert journal.slot_owners(NOW) == ()
    assert not journal.slot_is_free("sync", CRM, SLOT, NOW), "not before its time"
    assert journal.slot_is_free("sync", CRM, SLOT + MINUTE, NOW)
    assert journal.slot_is_free("sync", CRM, SLOT, NOW + timedelta(seconds=30))
    assert claim(journal, now=NOW + timedelta(seconds=30))


def test_who_has_runs_in_hand(journal: Journal):
    claim(journal)
    claim(journal, "b", job="retry")
    journal.finish_slot("retry", CRM, SLOT, owner="b", now=NOW)
    assert journal.slot_owners(NOW) == ("a",)
    assert journal.renew_slots("a", NOW + 5 * MINUTE, []) == 0
    assert journal.renew_slots("a", NOW + 5 * MINUTE, [("retry", CRM)]) == 0, "only what is in hand"
    assert journal.free_slots("a", NOW) == 1
    assert journal.slot_owners(NOW) == ()


def test_old_slots_are_forgotten(journal: Journal):
    claim(journal)
    claim(journal, slot=SLOT + MINUTE)
    assert journal.clear_slots(SLOT + MINUTE) == 1
    assert journal.clear_slots(SLOT + MINUTE) == 0
