"""Buckets in the database: several processes keep one rate together, on SQLite and on PostgreSQL."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.billing.limiter import AIM, TOTAL, Rates
from connector.billing.shared_limiter import SharedLimiter
from connector.journal import Journal, open_journal
from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

ROOT = Path(__file__).parents[2]
WORK = """
import sys, threading, time
from connector.billing.limiter import AIM, Rates
from connector.billing.shared_limiter import SharedLimiter
from connector.journal import open_journal
url, rate, until = sys.argv[1], float(sys.argv[2]), time.time() + float(sys.argv[3])
with open_journal(url) as journal:
    made = SharedLimiter(journal, "test", Rates(rate / AIM, rate / AIM))
    sent = []
    def work():
        while True:
            made.wait("post v1/customers")
            if time.time() >= until:
                return
            sent.append(time.time())
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(*sent)
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    with open_journal(url, upgrade=True) as opened:
        yield opened


def test_processes_keep_one_rate_together(url: str, journal: Journal):
    rate, seconds = 60.0, 4.0
    command = [sys.executable, "-c", WORK, url, str(rate), str(seconds)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    sent = sorted(float(word) for one in running for word in one.communicate(timeout=60)[0].split())
    assert journal.learned_rates()[f"test {TOTAL}"] == pytest.approx((rate, rate))
    windows = [sum(1 for other in sent if begin <= other < begin + 1) for begin in sent if begin + 1 <= sent[-1]]
    assert windows
    assert max(windows) <= rate * 1.25, "the worst second"
    assert len(sent) <= rate * (sent[-1] - sent[0]) * 1.1 + 5
    assert len(sent) >= rate * (sent[-1] - sent[0]) * 0.7, "on a machine that is busy with others"


def test_all_go_slower_after_a_refusal_and_faster_again_with_answers(journal: Journal):
    one, other = (SharedLimiter(journal, "test", Rates(100 / AIM, 100 / AIM), sleep=lambda _: None) for _ in range(2))
    one.wait("a")
    one.rejected("a", "global-rate")
    other.rejected("a", "global-rate")
    assert journal.learned_rates()[f"test {TOTAL}"][1] == pytest.approx(90), "once a second"
    for _ in range(10):
        other.accepted("a")
    time.sleep(1.1)
    other.wait("a")
    assert 90 < journal.learned_rates()[f"test {TOTAL}"][1] <= 91
    assert journal.learned_rates()["test a"][1] == pytest.approx(100)


def test_another_configuration_begins_anew(journal: Journal):
    SharedLimiter(journal, "test", Rates(100, 100), sleep=lambda _: None).rejected("a", "global-rate")
    SharedLimiter(journal, "test", Rates(50, 50), sleep=lambda _: None).wait("a")
    assert journal.learned_rates()[f"test {TOTAL}"] == pytest.approx((50 * AIM, 50 * AIM))


def test_slots_that_were_not_used_lapse(journal: Journal):
    """After a quiet while a process does not send its old slots beside new ones of others."""
    now = [0.0]
    slept: list[float] = []
    made = SharedLimiter(journal, "test", Rates(100 / AIM, 100 / AIM), clock=lambda: now[0], sleep=slept.append)
    made.wait("a")
    now[0] = 10.0
    before = journal.take_slots(f"test {TOTAL}", 100, 1)
    made.wait("a")
    after = journal.take_slots(f"test {TOTAL}", 100, 1)
    assert after.delay > before.delay, "it took new ones"


def test_threads_share_their_slots(journal: Journal):
    made = SharedLimiter(journal, "test", Rates(200 / AIM, 200 / AIM))
    begin, done = time.monotonic(), []

    def work() -> None:
        for _ in range(10):
            made.wait("a")
            done.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 80
    assert max(done) - begin >= 79 / 200 * 0.8
