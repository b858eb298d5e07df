"""The work table on both databases: what the engines build on, statement by statement."""

from datetime import datetime, timedelta

from connector.journal import Journal, Settlement, Submission, WorkItem, WorkState
from tests.journal.builders import CRM, MINUTE, NOW, at_once

LEASE = timedelta(seconds=10)


def wish(account: str = "a", *records: str, due_at: datetime = NOW, reason: str = "changed") -> Submission:
    return Submission(connection=CRM, account=account, reason=reason, due_at=due_at, records=records)


def claim(journal: Journal, owner: str = "w/1", now: datetime = NOW, limit: int = 10) -> tuple[WorkItem, ...]:
    return journal.claim_work(owner, now, LEASE, limit).items


def row(journal: Journal, account: str = "a") -> WorkItem:
    return journal.work_of([(CRM, account)])[CRM, account]


def test_a_row_from_its_submission_to_its_end(journal: Journal):
    assert journal.submit_work([wish("a", "r1", "r2")], NOW) == 1
    assert (row(journal).state, row(journal).generation, row(journal).due_at) == (WorkState.DUE, 1, NOW)
    (item,) = claim(journal)
    assert (item.records, item.reason, item.due_at) == (("r1", "r2"), "changed", NOW)
    assert (row(journal).state, row(journal).lease_until, row(journal).due_at) == (WorkState.RUNNING, NOW + LEASE, None)
    assert journal.finish_work([item], NOW) == {(CRM, "a"): WorkState.IDLE}
    assert (row(journal).state, row(journal).lease_owner, row(journal).due_at) == (WorkState.IDLE, None, None)
    assert journal.work_items(WorkState.IDLE)[0].records == ()
    assert claim(journal) == ()


def test_many_at_once_are_one_statement_and_double_names_one_row(journal: Journal):
    wishes = [wish(f"a{n:04}", f"r{n}") for n in range(1_200)]
    assert journal.submit_work([*wishes, wish("a0000", "again", due_at=NOW - MINUTE)], NOW) == 1_200
    first = claim(journal, limit=2)
    assert [(item.account, item.records) for item in first] == [("a0000", ("again", "r0")), ("a0001", ("r1",))]
    assert journal.work_counts(CRM) == {WorkState.DUE: 1_198, WorkState.RUNNING: 2}
    assert journal.work_counts("other") == {}


def test_only_what_was_worked_on_is_forgotten(journal: Journal):
    journal.submit_work([wish("a", "old", "both")], NOW)
    (item,) = claim(journal)
    journal.submit_work([wish("a", "new", "both", due_at=NOW + MINUTE)], NOW)
    assert journal.finish_work([item], NOW) == {(CRM, "a"): WorkState.DUE}
    assert row(journal).due_at == NOW + MINUTE
    assert journal.work_items(WorkState.DUE)[0].records == ("both", "new")


def test_the_earlier_of_two_times_counts(journal: Journal):
    journal.submit_work([wish(due_at=NOW + MINUTE)], NOW)
    journal.submit_work([wish(due_at=NOW + 2 * MINUTE)], NOW)
    assert row(journal).due_at == NOW + MINUTE
    journal.submit_work([wish(due_at=NOW)], NOW)
    assert row(journal).due_at == NOW


def test_a_failure_stays_until_it_is_done_or_submitted_anew(journal: Journal):
    journal.submit_work([wish("a", "r")], NOW)
    (item,) = claim(journal)
    waiting = Settlement(WorkState.DUE, NOW + MINUTE, 1, "wait", "away")
    assert journal.settle_work(item, waiting, NOW) is WorkState.DUE
    journal.submit_work([wish(due_at=NOW)], NOW)
    (item,) = claim(journal, "w/2")
    assert (item.attempts, item.failure, item.last_error, item.records) == (1, "wait", "away", ("r",))
    assert journal.settle_work(item, Settlement(WorkState.PARKED, None, 2, "fix_data", "no"), NOW) is WorkState.PARKED
    assert claim(journal, "w/3", NOW + 99 * MINUTE) == ()
    journal.submit_work([wish()], NOW)
    (item,) = claim(journal, "w/4")
    assert (item.attempts, item.failure, item.last_error, item.records) == (0, None, None, ("r",))


def test_a_failure_is_overtaken_by_what_was_submitted_meanwhile(journal: Journal):
    journal.submit_work([wish()], NOW)
    (item,) = claim(journal)
    journal.submit_work([wish("a", "corrected")], NOW)
    assert journal.settle_work(item, Settlement(WorkState.DEAD, None, 1, "bug", "oh"), NOW) is WorkState.DUE
    assert (row(journal).attempts, row(journal).due_at) == (0, NOW)


def test_an_ended_lease_is_taken_over_and_the_old_worker_changes_nothing(journal: Journal, other: Journal):
    journal.submit_work([wish("a", "r")], NOW)
    (old,) = claim(journal, "host:1:x/1")
    assert claim(other, "host:2:y/1", NOW + LEASE / 2) == ()
    assert other.claimable_work(NOW + LEASE / 2, 10) == ()
    later = NOW + LEASE
    assert other.claimable_work(later, 10) == ((CRM, "a"),)
    taken = other.claim_work("host:2:y/1", later, LEASE, 10)
    assert taken.silent == {"host:1:x/1"}
    (new,) = taken.items
    assert (new.attempts, new.records) == (1, ("r",))
    assert journal.finish_work([old], later) == {}
    assert journal.settle_work(old, Settlement(WorkState.DEAD), later) is None
    journal.hand_back_work([old], later)
    assert row(journal).lease_owner == "host:2:y/1"
    assert journal.finish_work([new], later) == {(CRM, "a"): WorkState.IDLE}


def test_leases_are_extended_by_claim(journal: Journal):
    journal.submit_work([wish("a"), wish("b")], NOW)
    claim(journal, "w/1", limit=1)
    claim(journal, "w/2", limit=1)
    later = NOW + LEASE - timedelta(seconds=1)
    assert journal.extend_work(["w/1"], later, LEASE) == 1
    assert [row(journal, name).lease_until for name in ("a", "b")] == [later + LEASE, NOW + LEASE]


def test_what_is_handed_back_keeps_its_turn(journal: Journal):
    journal.submit_work([wish("a", "r", due_at=NOW - MINUTE), wish("b")], NOW)
    items = claim(journal)
    journal.hand_back_work(items, NOW)
    again = claim(journal, "w/2")
    assert [(i.account, i.records, i.attempts, i.due_at) for i in again] == [
        ("a", ("r",), 0, NOW - MINUTE),
        ("b", (), 0, NOW),
    ]


def test_a_claim_can_be_of_named_rows_only(journal: Journal):
    journal.submit_work([wish("a"), wish("b"), wish("c", due_at=NOW + MINUTE)], NOW)
    taken = journal.claim_work("w/1", NOW, LEASE, 10, keys=[(CRM, "b"), (CRM, "c"), (CRM, "d")])
    assert [item.account for item in taken.items] == ["b"]


def test_many_claim_at_once_and_nobody_gets_what_another_has(journal: Journal):
    journal.submit_work([wish(f"a{n:03}") for n in range(120)], NOW)
    taken = at_once(6, lambda worker: [claim(journal, f"w/{worker}/{n}", limit=5) for n in range(8)])
    accounts = [item.account for claims in taken for items in claims for item in items]
    assert len(accounts) == len(set(accounts)) == 120


def test_many_submit_at_once_and_nothing_is_lost(journal: Journal):
    at_once(6, lambda worker: [journal.submit_work([wish(f"a{n}", f"r{worker}") for n in range(20)], NOW)])
    items = claim(journal, limit=100)
    assert {(len(item.records), item.generation) for item in items} == {(6, 6)}


def test_what_was_given_up_is_found_and_retried_by_name_class_or_all(journal: Journal):
    journal.submit_work([wish(name) for name in "abcd"], NOW)
    ends = {"a": (WorkState.DEAD, "bug"), "b": (WorkState.DEAD, "wait"), "c": (WorkState.PARKED, "fix_data")}
    for item in claim(journal):
        state, failure = ends.get(item.account, (WorkState.DUE, "wait"))
        journal.settle_work(item, Settlement(state, NOW + MINUTE if state is WorkState.DUE else None, 1, failure), NOW)
    dead = journal.work_items(WorkState.DEAD)
    assert [item.account for item in dead] == ["a", "b"]
    assert [item.account for item in journal.work_items(WorkState.DEAD, after=dead[0].key)] == ["b"]
    assert journal.work_items(WorkState.DEAD, connection="other") == ()
    assert journal.retry_work(NOW, account="d") == ()
    assert journal.retry_work(NOW, failure="fix_data") == ((CRM, "c"),)
    assert journal.retry_work(NOW, connection=CRM, account="a") == ((CRM, "a"),)
    assert journal.retry_work(NOW) == ((CRM, "b"),)
    assert [item.account for item in claim(journal, "w/2")] == ["a", "b", "c"]


def test_a_silent_workers_customers_are_given_free(journal: Journal):
    leases = [journal.acquire_lease(f"c{n}", f"host:{n % 2}:x:7", NOW, MINUTE) for n in range(4)]
    assert journal.release_leases_of("host:1:x") == 2
    assert [lease.account_key for lease in journal.held_leases(NOW)] == ["c0", "c2"]
    assert journal.acquire_lease("c1", "host:2:y:1", NOW, MINUTE) is not None
    assert leases[1] is not None
    assert not journal.release_lease(leases[1])
    assert journal.release_leases_of("host:%") == 0


def test_wishes_claims_and_heartbeats_never_wait_for_each_other_in_a_ring(journal: Journal):
    names = [f"{letter}{n}" for n in range(30) for letter in "aBöZ"]  # sorted otherwise by people than by machines

    def busy(worker: int) -> int:
        done = 0
        for n in range(10):
            owner = f"w/{worker}/{n}"
            if worker % 2:
                done += journal.submit_work([wish(name, f"r{n}") for name in (names, names[::-1])[n % 2]], NOW)
                continue
            items = claim(journal, owner, limit=60)
            journal.extend_work([owner], NOW, LEASE)
            journal.finish_work(items[::2], NOW)
            journal.hand_back_work(items[1::2], NOW)
            done += len(items)
        return done

    assert at_once(6, busy)[1::2] == [10 * len(names)] * 3
