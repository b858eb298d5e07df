"""A worker that is killed with signal 9: somebody else takes over what it had in hand, customers included."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from connector.dispatch import Item, Outcome
from connector.dispatch.settling import Backoff
from connector.journal import WorkState
from tests.dispatch.engines import Engine, Recorder, now, until, wish, working

ROOT = Path(__file__).parents[2]
LEASE = timedelta(seconds=2)


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a worker; it does not outlive the block."""
    command = [sys.executable, "-m", "tests.dispatch.worker", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def killed_in_the_middle(engine: Engine) -> tuple[str, int]:
    """Let a process take up to three of five accounts and die over the first; return which, and how many it took."""
    with process("hang", engine.kind, engine.url, str(LEASE.total_seconds())) as victim:
        assert victim.stdout is not None
        begun, account = victim.stdout.readline().split()
        assert begun == "begun"
        taken = engine.journal.work_counts()[WorkState.RUNNING]
        assert 1 <= taken <= 3
        assert len(engine.journal.held_leases(now())) == 1
    return account, taken


def test_others_take_over_from_a_killed_worker(engine: Engine):
    dispatcher = engine.open(lease=LEASE)
    dispatcher.submit([wish(f"a{n}", f"r{n}") for n in range(5)])
    account, taken = killed_in_the_middle(engine)
    start = time.monotonic()

    def reconcile(items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        for item in items:
            lease = engine.journal.acquire_lease(item.account, "survivor:1", now(), timedelta(minutes=5))
            assert lease is not None, "the dead worker's lease of an hour was to be given free"
            yield from seen([item])

    seen = Recorder()
    with working(dispatcher, reconcile, block=5):
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: 5}, seconds=20)
    assert time.monotonic() - start < 20
    assert sorted((item.account, item.records) for item in seen.seen) == [(f"a{n}", (f"r{n}",)) for n in range(5)]
    attempts = {item.account: item.attempts for item in seen.seen}
    assert attempts[account] == 1
    assert sorted(attempts.values()) == [0] * (5 - taken) + [1] * taken


def test_an_account_that_kills_its_workers_is_given_up(engine: Engine):
    dispatcher = engine.open(lease=LEASE, backoff=Backoff(attempts=1))
    dispatcher.submit([wish(f"a{n}") for n in range(5)])
    _, taken = killed_in_the_middle(engine)
    seen = Recorder()
    with working(dispatcher, seen, block=5):
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: 5 - taken, WorkState.DEAD: taken}, seconds=20)
    assert {item.last_error for item in dispatcher.dead_letters()} == {
        "every worker that took this account fell silent"
    }
    assert len(seen.seen) == 5 - taken
