"""What is procrastinate's alone: jobs are only alarm clocks, so one too many or too few does no harm."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from connector.dispatch.procrastinate_jobs import JobQueue
from connector.journal import WorkState
from tests.dispatch.engines import Engine, Recorder, empty_postgres, now, until, wish, working

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(dispatch_postgres: str) -> Iterator[Engine]:
    empty_postgres(dispatch_postgres)
    made = Engine("procrastinate", dispatch_postgres)
    yield made
    made.close()


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(engine.url.replace("+psycopg", "")) as connection:
        return connection.execute(query.encode()).fetchall()


def jobs(engine: Engine) -> list[tuple[Any, ...]]:
    return rows(
        engine, "SELECT args ->> 'account', status::text, scheduled_at <= now() FROM procrastinate_jobs ORDER BY 1"
    )


def test_one_job_waits_for_an_account_and_goes_when_it_is_done(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    dispatcher.submit([wish("a", "r1"), wish("b", after=3600)])
    dispatcher.submit([wish("a", "r2"), wish("a", "r3")])
    assert jobs(engine) == [("a", "todo", True), ("b", "todo", False)]
    with working(dispatcher, seen):
        until(lambda: jobs(engine) == [("b", "todo", False)])
    assert [item.records for item in seen.seen] == [("r1", "r2", "r3")]


def test_work_without_a_job_is_found_by_the_sweeper(engine: Engine):
    dispatcher, seen = engine.open(lease=timedelta(seconds=1.5)), Recorder()
    engine.journal.submit_work([wish("a")], now())  # as if the process had died before it could tell the queue
    assert jobs(engine) == []
    with working(dispatcher, seen):
        until(lambda: engine.journal.work_counts() == {WorkState.IDLE: 1})
    assert seen.accounts == ["a"]


def test_a_job_without_work_does_nothing(engine: Engine):
    dispatcher, seen = engine.open(), Recorder()
    queue = JobQueue(engine.url.replace("+psycopg", ""))
    queue.wake({("crm", "nothing"): now(), ("crm", "later"): now()})
    engine.journal.submit_work([wish("later", after=3600)], now())
    with working(dispatcher, seen):
        until(lambda: jobs(engine) == [("later", "todo", False)])
    queue.close()
    assert seen.seen == []


def test_many_submissions_are_followed_by_analyze(engine: Engine):
    dispatcher = engine.open()
    analyzed = (
        "SELECT count(last_analyze)::int FROM pg_stat_user_tables WHERE relname IN ('work', 'procrastinate_jobs')"
    )
    rows(engine, "SELECT pg_stat_reset()")
    dispatcher.submit([wish(f"a{n}") for n in range(999)])
    assert rows(engine, analyzed) == [(0,)]
    dispatcher.submit([wish(f"b{n}") for n in range(1_000)])
    until(lambda: rows(engine, analyzed) == [(2,)])
    assert rows(engine, "SELECT count(*)::int FROM procrastinate_jobs") == [(1_999,)]
