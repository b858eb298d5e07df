"""The limiter on a clock of its own: how fast, how many at once, what a 429 does, and many threads at a time."""

import threading
import time
from typing import Any

import pytest

from connector.billing.limiter import AIM, GAIN, PAUSE, TOTAL, Limiter, Rates


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 1e-6)


def limiter(clock: Clock, *, total: float = 100, endpoint: float = 100, burst: int = 1, **more: Any) -> Limiter:
    """Return a limiter that aims at just these rates."""
    rates = Rates(total / AIM, endpoint / AIM, burst, **more)
    return Limiter(rates, clock=clock.read, sleep=clock.sleep)


def seconds_for(made: Limiter, clock: Clock, count: int, *endpoints: str) -> float:
    begin = clock.now
    for number in range(count):
        made.wait(endpoints[number % len(endpoints)])
    return clock.now - begin


@pytest.mark.parametrize(("rate", "count"), [(25, 51), (100, 201), (0.5, 3)])
def test_requests_are_spaced_at_the_rate(rate: float, count: int):
    clock = Clock()
    assert seconds_for(limiter(clock, total=rate), clock, count, "a") == pytest.approx((count - 1) / rate, rel=1e-3)


def test_a_burst_goes_at_once_and_is_saved_up_only_once():
    clock = Clock()
    made = limiter(clock, total=10, burst=5)
    assert seconds_for(made, clock, 5, "a") == 0
    assert seconds_for(made, clock, 5, "a") == pytest.approx(0.5, rel=1e-3)
    clock.now += 3600
    assert seconds_for(made, clock, 5, "a") == pytest.approx(0, abs=1e-4), "a quiet hour saves up one burst"
    assert seconds_for(made, clock, 10, "a") == pytest.approx(1, rel=1e-3), "and no more"


def test_wait_tells_how_long_it_waited():
    clock = Clock()
    made = limiter(clock, total=4)
    assert made.wait("a") == 0
    assert made.wait("a") == pytest.approx(0.25)


def test_an_endpoint_has_a_limit_of_its_own():
    clock = Clock()
    made = limiter(clock, total=100, endpoint=25)
    assert seconds_for(made, clock, 51, "post v1/prices") == pytest.approx(2, rel=1e-3)
    clock.now += 1
    spread = seconds_for(made, clock, 101, "a", "b", "c", "d")
    assert spread == pytest.approx(1, rel=1e-2), "four endpoints at 25 fill the 100 of the account"


@pytest.mark.parametrize(
    ("reason", "same", "other"),
    [
        ("endpoint-rate", 0.9, 1.0),
        ("endpoint-concurrency", 0.9, 1.0),
        ("global-rate", 0.9, 0.9),
        ("resource-specific", 1.0, 1.0),
        ("", 1.0, 1.0),
    ],
)
def test_a_429_slows_down_what_its_reason_names(reason: str, same: float, other: float):
    clock = Clock()
    for endpoint, share in (("a", same), ("b", other)):
        made = limiter(clock, total=10, endpoint=10)
        made.rejected("a", reason)
        assert seconds_for(made, clock, 11, endpoint) == pytest.approx(1 / share, rel=1e-2)
        clock.now += 10


def test_refusals_of_the_same_second_count_once_and_never_stop_everything():
    told: list[tuple[str, float]] = []
    clock = Clock()
    made = Limiter(
        Rates(10 / AIM, 10 / AIM, 1), learn=lambda *rate: told.append(rate), clock=clock.read, sleep=lambda _: None
    )
    for _ in range(32):
        made.rejected("a", "global-rate")
    assert [(name, round(rate, 6)) for name, rate in told] == [(TOTAL, 9.0)]
    for _ in range(100):
        clock.now += 1
        made.rejected("a", "global-rate")
    assert made.found()[TOTAL] == pytest.approx(0.5), "a twentieth of the rate is kept"


def test_who_is_refused_rests_a_moment():
    clock = Clock()
    limiter(clock).rejected("a", "global-rate")
    assert clock.now == PAUSE


def test_answers_lead_back_to_the_configured_rate_and_not_above():
    clock = Clock()
    made = limiter(clock, total=10)
    made.rejected("a", "global-rate")
    for _ in range(100):
        made.accepted("a")
    assert made.found()[TOTAL] == pytest.approx(9), "not within a second of the refusal"
    clock.now += 1
    made.accepted("a")
    assert made.found()[TOTAL] == pytest.approx(9 + 10 * GAIN)
    for _ in range(500):
        made.accepted("a")
    assert made.found()[TOTAL] == pytest.approx(10)
    clock.now += 10
    assert seconds_for(made, clock, 11, "a") == pytest.approx(1, rel=1e-2)


def test_a_share_leaves_the_rest_to_others():
    clock = Clock()
    assert seconds_for(limiter(clock, total=10, share=0.8), clock, 9, "a") == pytest.approx(1, rel=1e-2)


def test_what_was_learned_is_where_it_begins_but_never_above_what_is_configured():
    clock = Clock()
    made = limiter(clock, total=10, learned={TOTAL: 5.0, "a": 500.0})
    assert seconds_for(made, clock, 6, "a") == pytest.approx(1, rel=1e-2)
    assert made.found() == {TOTAL: pytest.approx(5), "a": pytest.approx(100)}


def test_threads_share_the_rate():
    made = Limiter(Rates(total=400, endpoint=400, burst=4))
    done: list[float] = []

    def work() -> None:
        for _ in range(10):
            made.wait("a")
            done.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(8)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 80
    assert max(done) - begin >= (80 - 4) / 400
    assert max(done) - begin < 2
