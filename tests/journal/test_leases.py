"""Leases: two workers never hold one account, whatever their timing."""

from datetime import datetime, timedelta

import pytest

from connector.journal import Journal, Lease, LeaseLostError
from tests.journal.builders import MINUTE, NOW, at_once

SECOND = timedelta(seconds=1)


def take(journal: Journal, owner: str = "w-1", now=NOW, account: str = "acme") -> Lease:
    lease = journal.acquire_lease(account, owner, now, MINUTE)
    assert lease is not None
    return lease


def test_one_holder_at_a_time(journal: Journal):
    lease = take(journal)
    assert lease == Lease("acme", "w-1", NOW + MINUTE, 1)
    assert journal.acquire_lease("acme", "w-2", NOW + MINUTE - SECOND, MINUTE) is None
    assert take(journal, "w-2", account="other").generation == 1


def test_not_even_the_holder_takes_it_twice(journal: Journal):
    take(journal)
    assert journal.acquire_lease("acme", "w-1", NOW, MINUTE) is None


def test_an_expired_lease_is_free(journal: Journal):
    old = take(journal)
    new = take(journal, "w-2", NOW + MINUTE)
    assert new.generation == 2
    with pytest.raises(LeaseLostError):
        journal.renew_lease(old, NOW, MINUTE)
    assert not journal.release_lease(old)
    assert journal.held_leases(NOW + MINUTE) == (new,)


def test_the_same_owner_coming_back_does_not_revive_the_old_lease(journal: Journal):
    old = take(journal)
    take(journal, "w-1", NOW + MINUTE)
    with pytest.raises(LeaseLostError):
        journal.renew_lease(old, NOW, MINUTE)


def test_renewing(journal: Journal):
    lease = take(journal)
    renewed = journal.renew_lease(lease, NOW + 30 * SECOND, MINUTE)
    assert (renewed.expires_at, renewed.generation) == (NOW + 90 * SECOND, 1)
    with pytest.raises(LeaseLostError, match="w-1 no longer holds account acme"):
        journal.renew_lease(renewed, NOW + 90 * SECOND, MINUTE)


def test_releasing_frees_at_once_and_the_number_still_grows(journal: Journal):
    assert journal.release_lease(take(journal))
    assert journal.held_leases(NOW) == ()
    assert take(journal, "w-2").generation == 2


def test_of_many_at_once_one_wins(journal: Journal, other: Journal):
    for number in range(10):
        won = race(journal, other, f"account-{number}", NOW)
        assert [lease.generation for lease in won] == [1]


def test_of_many_at_once_one_takes_over_an_expired_lease(journal: Journal, other: Journal):
    take(journal)
    for generation in range(2, 12):
        won = race(journal, other, "acme", NOW + generation * MINUTE)
        assert [lease.generation for lease in won] == [generation]


def race(journal: Journal, other: Journal, account: str, now: datetime) -> list[Lease]:
    """Let eight threads in two processes' worth of journals go for one account; return who got it."""
    books = (journal, other)
    leases = at_once(8, lambda worker: books[worker % 2].acquire_lease(account, f"w-{worker}", now, MINUTE))
    return [lease for lease in leases if lease is not None]


def test_workers_never_overlap(journal: Journal, other: Journal):
    books = (journal, other)
    inside: list[str] = []
    turns: list[int] = []

    def work(worker: int) -> None:
        book, owner = books[worker % 2], f"w-{worker}"
        for _ in range(15):
            lease = book.acquire_lease("acme", owner, NOW, MINUTE)
            if lease is None:
                continue
            inside.append(owner)
            assert inside == [owner]
            turns.append(lease.generation)
            inside.remove(owner)
            book.release_lease(lease)

    at_once(6, work)
    assert turns == sorted(set(turns))
    assert turns
