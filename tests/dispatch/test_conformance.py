"""What every dispatcher promises, on every engine."""

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from connector.dispatch import Failure, Item, Outcome
from connector.dispatch.settling import Backoff
from connector.journal import WorkState
from tests.dispatch.engines import QUICK, Engine, Recorder, until, wish, working
from tests.postgres import run_alone

WAIT = Outcome(Failure.WAIT, "the vendor is away")


def idle(engine: Engine, count: int = 1) -> bool:
    return engine.journal.work_counts() == {WorkState.IDLE: count}


def test_what_is_asked_for_again_is_done_once_with_all_hints(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    dispatcher.submit([wish("a", "r1"), wish("a", "r2"), wish("b")])
    dispatcher.submit([wish("a", "r3", "r1")])
    with working(dispatcher, seen, block=5):
        until(lambda: idle(engine, 2))
    assert sorted((item.account, item.records) for item in seen.seen) == [("a", ("r1", "r2", "r3")), ("b", ())]


def test_accounts_of_two_connections_are_two(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    dispatcher.submit([wish("a", "r1"), wish("a", "r2", connection="other")])
    with working(dispatcher, seen):
        until(lambda: idle(engine, 2))
    assert sorted((item.connection, item.records) for item in seen.seen) == [("crm", ("r1",)), ("other", ("r2",))]


def test_what_is_asked_for_while_it_runs_is_done_again(engine: Engine):
    dispatcher = engine.open()
    running, inside = threading.Event(), []

    def each(item: Item) -> None:
        inside.append(item.account)
        if not running.is_set():
            running.set()
            dispatcher.submit([wish("a", "new")])
            time.sleep(0.3)  # another thread would take it now
            assert len(inside) == 1

    seen = Recorder(each=each)
    dispatcher.submit([wish("a", "old")])
    with working(dispatcher, seen, threads=2):
        until(lambda: idle(engine))
    assert [item.records for item in seen.seen] == [("old",), ("new",)]


def test_the_earliest_due_comes_first(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    dispatcher.submit([wish("c", after=-20), wish("a", after=-40), wish("e", after=-10)])
    dispatcher.submit([wish("d", after=-15), wish("b", after=-30)])
    with working(dispatcher, seen):
        until(lambda: idle(engine, 5))
    assert seen.accounts == ["a", "b", "c", "d", "e"]


def test_nothing_is_done_before_it_is_due(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    later = wish("later", after=1.0)
    dispatcher.submit([later, wish("now")])
    with working(dispatcher, seen):
        until(lambda: idle(engine, 2))
    assert seen.accounts == ["now", "later"]
    assert seen.times[1] >= later.due_at.timestamp()


def test_an_earlier_wish_pulls_it_forward_and_a_later_one_does_not_put_it_off(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    dispatcher.submit([wish("a", after=3600), wish("b")])
    dispatcher.submit([wish("a"), wish("b", after=3600)])
    with working(dispatcher, seen):
        until(lambda: idle(engine, 2))


def test_accounts_are_handed_over_in_blocks(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    dispatcher.submit([wish(f"a{n:02}") for n in range(20)])
    with working(dispatcher, seen, block=10):
        until(lambda: idle(engine, 20))
    assert 2 <= max(len(block) for block in seen.blocks) <= 10
    assert len(seen.seen) == 20


def test_as_many_threads_work_at_once(engine: Engine):
    dispatcher, together = engine.open(), threading.Barrier(3, timeout=60)
    seen = Recorder(each=lambda _: together.wait())
    dispatcher.submit([wish("a"), wish("b"), wish("c")])
    with working(dispatcher, seen, threads=3):
        until(lambda: idle(engine, 3))
    assert len(seen.seen) == 3, "none of them broke the barrier"


def test_waiting_is_tried_again_later_each_time(engine: Engine):
    dispatcher, seen = engine.open(backoff=Backoff(first=0.4, ceiling=5, attempts=9)), Recorder(WAIT, WAIT)
    dispatcher.submit([wish("a", "r")])
    with working(dispatcher, seen):
        until(lambda: idle(engine))
    assert [(item.attempts, item.records, item.last_error) for item in seen.seen] == [
        (0, ("r",), None),
        (1, ("r",), "the vendor is away"),
        (2, ("r",), "the vendor is away"),
    ]
    first, second, third = seen.times
    assert second - first >= 0.2
    assert third - second >= 0.4


def test_a_vendor_may_ask_for_a_longer_wait(engine: Engine):
    dispatcher, seen = engine.open(), Recorder(Outcome(Failure.WAIT, "slow down", after=1.2))
    dispatcher.submit([wish("a")])
    with working(dispatcher, seen):
        until(lambda: idle(engine))
    assert seen.times[1] - seen.times[0] >= 1.2


def test_exhausted_attempts_end_as_a_dead_letter_that_can_be_retried(engine: Engine):
    dispatcher, seen = engine.open(), Recorder(*[WAIT] * QUICK.attempts)
    dispatcher.submit([wish("a", "r"), wish("b", after=3600)])
    with working(dispatcher, seen):
        until(lambda: list(dispatcher.dead_letters()))
        (letter,) = dispatcher.dead_letters("crm")
        assert (letter.account, letter.attempts, letter.failure) == ("a", QUICK.attempts, "wait")
        assert (letter.last_error, letter.records) == ("the vendor is away", ("r",))
        assert list(dispatcher.dead_letters("other")) == []
        assert dispatcher.retry(connection="crm", account="a") == 1
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: 1, WorkState.DUE: 1})
    assert len(seen.seen) == QUICK.attempts + 1
    assert (seen.seen[-1].attempts, seen.seen[-1].records) == (0, ("r",))
    assert dispatcher.retry() == 0


def test_a_bug_is_a_dead_letter_at_once_until_something_is_submitted(engine: Engine):
    dispatcher, seen = engine.open(), Recorder(Outcome(Failure.BUG, "oh"))
    dispatcher.submit([wish("a", "r1")])
    with working(dispatcher, seen):
        until(lambda: list(dispatcher.dead_letters()))
        dispatcher.submit([wish("a", "r2")])
        until(lambda: idle(engine))
    assert [(item.attempts, item.records) for item in seen.seen] == [(0, ("r1",)), (0, ("r1", "r2"))]
    assert list(dispatcher.dead_letters()) == []


def test_what_people_must_fix_waits_for_them(engine: Engine):
    kinds = (Failure.FIX_DATA, Failure.FIX_MAPPING, Failure.APPROVE)
    dispatcher, seen = engine.open(), Recorder(*(Outcome(kind, "fix it") for kind in kinds))
    dispatcher.submit([wish("a", "r1"), wish("b"), wish("c")])
    with working(dispatcher, seen):
        until(lambda: engine.journal.work_counts() == {WorkState.PARKED: 3})
        time.sleep(2 * QUICK.ceiling)
        assert len(seen.seen) == 3
        dispatcher.submit([wish(seen.accounts[0], "r2")])
        until(lambda: len(seen.seen) == 4)
        assert dispatcher.retry(failure=Failure.FIX_MAPPING) == 1
        until(lambda: engine.journal.work_counts() == {WorkState.PARKED: 1, WorkState.IDLE: 2})
    assert seen.seen[3].records == (*seen.seen[0].records, "r2")
    assert list(dispatcher.dead_letters()) == []


def test_a_busy_customer_costs_no_attempt(engine: Engine):
    times = QUICK.attempts + 2
    dispatcher, seen = engine.open(), Recorder(*[Outcome(Failure.BUSY)] * times)
    dispatcher.submit([wish("a")])
    with working(dispatcher, seen):
        until(lambda: idle(engine))
    assert [item.attempts for item in seen.seen] == [0] * (times + 1)


def test_an_error_is_blamed_on_its_own_account(engine: Engine):
    dispatcher = engine.open()

    def each(item: Item) -> None:
        if item.account == "a5":
            raise ZeroDivisionError("a bug in one contract")

    dispatcher.submit([wish(f"a{n}") for n in range(10)])
    with working(dispatcher, Recorder(each=each), block=10):
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: 9, WorkState.DEAD: 1})
    (letter,) = dispatcher.dead_letters()
    assert (letter.account, letter.last_error) == ("a5", "ZeroDivisionError: a bug in one contract")


def test_an_account_without_an_answer_is_a_bug(engine: Engine):
    def forgetful(items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        yield from ((item, Outcome()) for item in items if item.account != "b")

    dispatcher = engine.open()
    dispatcher.submit([wish("a"), wish("b")])
    with working(dispatcher, forgetful, block=2):
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: 1, WorkState.DEAD: 1})


def test_stopping_hands_back_what_was_not_begun(engine: Engine):
    first, closed = engine.open(), []
    begun, go_on = threading.Event(), threading.Event()

    def slow(items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        try:
            for item in items:
                begun.set()
                go_on.wait(60)
                yield item, Outcome()
        finally:
            closed.append(len(items))

    first.submit([wish(f"a{n}") for n in range(10)])
    with working(first, slow, block=10) as stop:
        begun.wait(60)
        stop.set()
        go_on.set()
    assert engine.journal.work_counts() == {WorkState.IDLE: 1, WorkState.DUE: 9}
    assert closed
    second, seen = engine.open(), Recorder()
    start = time.monotonic()
    with working(second, seen, block=10):  # the leases of a minute would be waited for
        until(lambda: idle(engine, 10))
    assert time.monotonic() - start < 10
    assert {item.attempts for item in seen.seen} == {0}


def test_a_long_task_keeps_its_account(engine: Engine):
    lease = timedelta(seconds=4)  # a loaded machine may let a worker stand still for a second or two
    dispatchers = [engine.open(lease=lease) for _ in range(2)]
    seen = Recorder(each=lambda _: time.sleep(5.5))
    dispatchers[0].submit([wish("a")])
    with working(dispatchers[0], seen), working(dispatchers[1], seen):
        until(lambda: idle(engine))
    assert len(seen.seen) == 1
    assert seen.seen[0].attempts == 0


def test_what_may_not_be_worked_on_just_now_waits_and_costs_no_attempt(engine: Engine):
    dispatcher, seen, may = engine.open(lease=timedelta(seconds=3)), Recorder(), threading.Event()
    connections = {"crm": may.is_set, "other": lambda: True}
    dispatcher.submit([wish("a", "r"), wish("b", connection="other"), wish("c", connection="elsewhere")])
    with working(dispatcher, seen, connections=connections):
        until(lambda: seen.accounts)
        time.sleep(0.5)
        assert seen.accounts == ["b"]
        may.set()
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: 2, WorkState.DUE: 1})
    assert [(item.account, item.records, item.attempts) for item in seen.seen[1:]] == [("a", ("r",), 0)]


def test_a_connection_that_hangs_delays_no_other(engine: Engine):
    dispatcher, go_on = engine.open(), threading.Event()
    seen = Recorder(each=lambda item: go_on.wait(60) if item.connection == "slow" else None)
    slow = [wish(f"s{n}", connection="slow") for n in range(3)]
    dispatcher.submit(slow)
    with working(dispatcher, seen, connections={"slow": lambda: True, "crm": lambda: True}):
        until(lambda: seen.seen)
        dispatcher.submit([wish("a")])
        until(lambda: "a" in seen.accounts)
        assert len(seen.seen) == 2
        go_on.set()
        until(lambda: idle(engine, 4))


def test_what_has_no_answer_when_it_is_told_to_stop_is_handed_back(engine: Engine):
    dispatcher, begun = engine.open(), threading.Event()

    def silent(_: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        begun.set()
        while not told.is_set():
            time.sleep(0.02)
        yield from ()

    dispatcher.submit([wish("a"), wish("b")])
    with working(dispatcher, silent, block=2) as told:
        begun.wait(60)
    assert engine.journal.work_counts() == {WorkState.DUE: 2}


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgres", "procrastinate"], indirect=True)
def test_a_database_that_goes_away_for_a_moment_costs_nothing(engine: Engine):
    dispatcher, seen = (
        engine.open(lease=timedelta(seconds=1), backoff=Backoff(attempts=99)),
        Recorder(each=lambda _: time.sleep(0.02)),
    )
    dispatcher.submit([wish(f"a{n:02}") for n in range(60)])
    with working(dispatcher, seen, threads=2, block=5):
        until(lambda: len(seen.seen) >= 10)
        run_alone(engine.url, BREAK_CONNECTIONS)
        until(lambda: len(seen.seen) >= 40)
        run_alone(engine.url, BREAK_CONNECTIONS)
        until(lambda: counts(engine) == {WorkState.IDLE: 60})
    assert set(seen.accounts) == {f"a{n:02}" for n in range(60)}
    assert list(dispatcher.dead_letters()) == []


BREAK_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def counts(engine: Engine) -> dict[WorkState, int]:
    """Count, as somebody whose own connection may be broken."""
    try:
        return engine.journal.work_counts()
    except OperationalError:
        return {}
