"""Outcome by outcome: how a row is left, and when it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.dispatch.protocol import Failure, Outcome
from connector.dispatch.settling import Backoff, settlement
from connector.journal import Settlement, WorkItem, WorkState

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
BACKOFF = Backoff(first=8, ceiling=60, attempts=5, busy=2)


def item(attempts: int) -> WorkItem:
    return WorkItem(
        connection="crm",
        account="a",
        state=WorkState.RUNNING,
        generation=1,
        due_at=NOW,
        attempts=attempts,
        failure=None,
        last_error=None,
        reason="test",
        lease_owner="w",
        lease_until=NOW,
        updated_at=NOW,
    )


def left(failure: Failure, *, attempts: int = 0, chance: float = 1.0, after: float | None = None) -> Settlement:
    return settlement(item(attempts), failure, Outcome(failure, "why", after), NOW, backoff=BACKOFF, chance=chance)


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(0, 1, 8), (0, 0, 4), (1, 1, 16), (1, 0.5, 12), (2, 1, 32), (3, 1, 60), (3, 0, 30)],
)
def test_waiting_doubles_up_to_a_ceiling_and_is_spread_over_the_upper_half(attempts: int, chance: float, seconds: int):
    due = NOW + timedelta(seconds=seconds)
    assert left(Failure.WAIT, attempts=attempts, chance=chance) == Settlement(
        WorkState.DUE, due, attempts + 1, "wait", "why"
    )


def test_the_last_attempt_ends_as_a_dead_letter():
    assert left(Failure.WAIT, attempts=4) == Settlement(WorkState.DEAD, None, 5, "wait", "why")


def test_a_vendor_is_obeyed_when_it_asks_for_more():
    assert left(Failure.WAIT, after=100).due_at == NOW + timedelta(seconds=100)
    assert left(Failure.WAIT, after=1).due_at == NOW + timedelta(seconds=8)


def test_what_was_stopped_is_due_at_once_and_costs_nothing():
    assert left(Failure.STOPPED, attempts=4) == Settlement(WorkState.DUE, NOW, 4, "stopped", "why")


@pytest.mark.parametrize(("chance", "seconds"), [(0, 1), (1, 3)])
def test_busy_comes_soon_and_costs_nothing(chance: float, seconds: int):
    due = NOW + timedelta(seconds=seconds)
    assert left(Failure.BUSY, attempts=4, chance=chance) == Settlement(WorkState.DUE, due, 4, "busy", "why")


@pytest.mark.parametrize("failure", [Failure.FIX_DATA, Failure.FIX_MAPPING, Failure.APPROVE])
def test_what_people_fix_is_parked(failure: Failure):
    assert left(failure) == Settlement(WorkState.PARKED, None, 1, failure.value, "why")


def test_a_bug_is_dead_at_once():
    assert left(Failure.BUG) == Settlement(WorkState.DEAD, None, 1, "bug", "why")


def test_the_defaults_try_for_hours():
    backoff = Backoff()
    hours = sum(backoff.delay(n, 0.5) for n in range(1, backoff.attempts)) / 3600
    assert 4 < hours < 7
    assert backoff.delay(10_000, 1.0) == backoff.ceiling
