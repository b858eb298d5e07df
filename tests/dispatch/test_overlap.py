"""Six workers, 400 accounts, 4,000 tasks: never two at one account, every task done; and proof that it would show."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connector.dispatch import Dispatcher, Item, Outcome
from connector.journal import Claim, WorkItem, WorkState
from connector.journal.tables import work
from connector.journal.work import Work, _is_one_of, _ripe
from tests.dispatch.engines import Engine, until, wish, working

WORKERS = 6
ACCOUNTS = 400
TASKS = 4_000


class Watch:
    """Reconciles accounts `rounds` times each, every next time asked for while the last one runs; counts overlaps."""

    def __init__(self, dispatcher: Dispatcher, rounds: int) -> None:
        self.runs: Counter[str] = Counter()
        self.overlaps = 0
        self._dispatcher = dispatcher
        self._rounds = rounds
        self._held: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        mine = [item.account for item in items]
        with self._lock:
            self.overlaps += len(self._held.intersection(mine))
            self._held.update(mine)
            self.runs.update(mine)
        again = [wish(account) for account in mine if self.runs[account] < self._rounds]
        self._dispatcher.submit(again)
        for item in items:
            time.sleep(0.0005)
            with self._lock:
                self._held.discard(item.account)
            yield item, Outcome()


def all_at_once(engine: Engine, *, accounts: int, tasks: int) -> Watch:
    """Have so many tasks done by six workers."""
    dispatchers = [engine.open() for _ in range(WORKERS)]
    watch = Watch(dispatchers[0], tasks // accounts)
    dispatchers[0].submit([wish(f"a{n:04}") for n in range(accounts)])
    with ExitStack() as stack:
        for dispatcher in dispatchers:
            stack.enter_context(working(dispatcher, watch, block=20))
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: accounts}, seconds=120)
    return watch


def test_no_account_is_worked_on_twice_at_once_and_no_task_is_lost(engine: Engine):
    watch = all_at_once(engine, accounts=ACCOUNTS, tasks=TASKS)
    assert watch.overlaps == 0
    assert watch.runs.total() == TASKS
    assert set(watch.runs.values()) == {TASKS // ACCOUNTS}


def careless(self: Work, owner: str, now: datetime, lease: timedelta, limit: int, **only: object) -> Claim:
    """Claim in the obvious, wrong way: look what is due, then take it, without comparing again."""
    del only
    with self._reading() as database:
        ripe = select(work).where(_ripe(now)).order_by(work.c.due_at).limit(limit)
        found = [WorkItem(**row) for row in database.execute(ripe).mappings()]
    changes: dict[str, Any] = {"state": "running", "lease_owner": owner, "lease_until": now + lease, "due_at": None}
    with self._writing() as database:
        taking = work.update().where(_is_one_of([item.key for item in found])).values(changes)
        return Claim(tuple(WorkItem(**row) for row in database.execute(taking.returning(*work.c)).mappings()))


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_careless_claim_would_be_noticed(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Work, "claim_work", careless)
    assert all_at_once(engine, accounts=60, tasks=600).overlaps > 0
