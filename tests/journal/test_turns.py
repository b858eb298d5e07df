"""Writers share commits, and each keeps its promise: on disk when it returns, or not at all."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from connector.journal import Journal, open_journal
from connector.journal.turns import Turns

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    with open_journal(f"sqlite:///{file}", upgrade=True) as opened:
        yield opened


def engine(journal: Journal) -> Engine:
    return journal._engine


def commits(journal: Journal) -> list[int]:
    """Count commits from now on, in a list of one."""
    count = [0]

    def counted(_: Connection) -> None:
        count[0] += 1

    event.listen(engine(journal), "commit", counted)
    return count


def together(work: Any, count: int) -> list[BaseException]:
    failures: list[BaseException] = []

    def one(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "somebody waits for a commit that never comes"
    return failures


def seen(file: Path, column: str = "connection") -> set[str]:
    """Read with a connection of its own: only what was committed."""
    reader = sqlite3.connect(file)
    try:
        return {row[0] for row in reader.execute(f"SELECT {column} FROM cursors")}  # noqa: S608
    finally:
        reader.close()


def test_what_returned_is_committed_and_many_share_a_commit(journal: Journal, file: Path):
    count = commits(journal)
    missing: list[int] = []

    def save(number: int) -> None:
        journal.save_cursor(f"c{number}", "s", number, NOW)
        if f"c{number}" not in seen(file):
            missing.append(number)

    with engine(journal).begin() as held:  # everybody queues behind a slow writer
        held.execute(text("SELECT 1"))
        threads = threading.Thread(target=lambda: failures.extend(together(save, 24)))
        failures: list[BaseException] = []
        threads.start()
        threads.join(0.3)
    threads.join()
    assert (failures, missing) == ([], [])
    assert len(seen(file)) == 24
    assert count[0] < 15, "24 writers, and far fewer commits"


def test_one_that_fails_takes_nobody_with_it(journal: Journal, file: Path):
    turns = Turns(engine(journal))

    def work(number: int) -> None:
        with turns.writing() as database:
            values = {"c": f"c{number}", "at": NOW.isoformat()}
            database.execute(text("INSERT INTO cursors VALUES (:c, 's', '1', :at)"), values)
            if number % 3 == 0:
                raise ZeroDivisionError

    failures = together(work, 30)
    assert len(failures) == 10
    assert seen(file) == {f"c{number}" for number in range(30) if number % 3}


def test_a_commit_that_fails_is_raised_by_everybody_who_took_part(journal: Journal, file: Path):
    def full(_: Connection) -> None:
        raise OSError("the disk is full")

    event.listen(engine(journal), "commit", full)
    failures = together(lambda number: journal.save_cursor(f"c{number}", "s", number, NOW), 8)
    event.remove(engine(journal), "commit", full)
    assert len(failures) == 8
    assert seen(file) == set()
    journal.save_cursor("after", "s", 1, NOW)
    assert seen(file) == {"after"}


def test_many_leases_are_kept_and_given_back_at_once(journal: Journal):
    second = timedelta(seconds=1)
    mine = [journal.acquire_lease(f"a{number}", "me", NOW, 10 * second) for number in range(3)]
    journal.acquire_lease("b", "other", NOW, 10 * second)
    later = NOW + 5 * second
    assert journal.renew_leases("me", ["a0", "a1", "b", "none"], later, 10 * second) == {"a0", "a1"}
    assert {one.account_key for one in journal.held_leases(NOW + 12 * second)} == {"a0", "a1"}
    journal.release_leases([one for one in mine if one])
    assert {one.account_key for one in journal.held_leases(NOW)} == {"b"}
