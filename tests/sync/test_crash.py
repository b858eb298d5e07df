"""Killed at any HTTP boundary, run again: Stripe and the CRM end up as if nothing had happened.

The process is really killed (a forked child that exits without any clean-up), once before each request leaves and once
after each answer arrived but before it was used. The journal is a file, as in production.
"""

import itertools
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from urllib3.connectionpool import HTTPConnectionPool

from tests.sync.stripe_state import stripe_state
from tests.wiring import World, file_journal

#: A ramp, an invoice order, usage with a meter and a tiered price, and coupons: every kind of object is written.
ORDERS = ("ramp", "one_time", "usage", "coupons")
KILLED = 137


def _sync(world: World, journal_file: Path, *, hours_later: float = 0) -> None:
    with file_journal(journal_file) as journal:
        desk = world.desk(journal, clock=lambda: world.now + timedelta(hours=hours_later))
        for result in world.sync(desk, *ORDERS):
            assert result.error is None, result.error


def _outcome(world: World) -> tuple[Any, ...]:
    held = world.salesforce.records("Order")
    told = {
        name: sorted(k for k, v in held[world.orders[name]].items() if k.startswith("Stripe_") and v) for name in ORDERS
    }
    return stripe_state(world.api()), told


def _child(work: Callable[[], None], boundary: int, *, after: bool) -> bool:
    """Run `work` in a process that dies at its nth HTTP boundary; return whether it died there."""
    pid = os.fork()
    if pid == 0:
        _die_at(boundary, after=after)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, KILLED}, f"the child failed by itself ({code})"
    return code == KILLED


def _die_at(boundary: int, *, after: bool) -> None:
    """Die at the nth request of all threads: both vendors' clients send through urllib3."""
    numbers = itertools.count(1)
    send = HTTPConnectionPool.urlopen

    def dying(self: HTTPConnectionPool, *args: Any, **kwargs: Any) -> Any:
        number = next(numbers)
        if number == boundary and not after:
            os._exit(KILLED)
        response = send(self, *args, **kwargs)
        if number == boundary:
            os._exit(KILLED)
        return response

    HTTPConnectionPool.urlopen = dying  # type: ignore[method-assign]


@pytest.mark.parametrize("after", [False, True], ids=["before the request", "after the answer"])
def test_killed_at_every_boundary_it_converges(tmp_path: Path, after: bool):
    with World() as world:
        _sync(world, tmp_path / "undisturbed.db")
        undisturbed = _outcome(world)
        boundary, died = 0, True
        while died:
            boundary += 1
            world.reset()
            journal_file = tmp_path / f"killed-{boundary}.db"
            died = _child(lambda file=journal_file: _sync(world, file), boundary, after=after)  # type: ignore[misc]
            _sync(world, journal_file, hours_later=1)
            assert _outcome(world) == undisturbed, f"killed at boundary {boundary}"
        assert boundary > 20, "the enumeration ended before the work did"


def test_a_lost_answer_is_found_again_after_the_key_has_expired(tmp_path: Path):
    """Two days later the idempotency key is worthless: the object is looked up by customer and metadata instead."""
    with World() as world:
        _sync(world, tmp_path / "undisturbed.db")
        undisturbed = _outcome(world)
        total = len(world.stripe_calls()) + len(world.salesforce_calls()) + 1
        for boundary in range(1, total + 1):
            world.reset()
            file = tmp_path / f"late-{boundary}.db"
            _child(lambda file=file: _sync(world, file), boundary, after=True)  # type: ignore[misc]
            for tenant in world.stripe.state.values():
                tenant.answers.clear()  # what Stripe does after a day
            _sync(world, file, hours_later=48)
            assert _outcome(world) == undisturbed, f"killed at boundary {boundary}"
