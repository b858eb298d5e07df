"""The circuit breaker: when it opens, that one call probes, when it closes, and what the retry policy makes of it."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from connector.breaker import Breaker, BreakerOpenError, Opening, Patience
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.retry import retry_policy

SECOND = timedelta(seconds=1)
AWAY = RetryableError("no answer", away=True)
LIMITED = RetryableError("too many requests")


class Vendor:
    """A breaker with a clock to move and a book of what it told."""

    def __init__(self, outages: int = 3) -> None:
        self.now = datetime(2026, 11, 24, 9, tzinfo=UTC)
        self.told: list[Opening | None] = []
        patience = Patience(outages, 10 * SECOND, 40 * SECOND)
        self.breaker = Breaker("Stripe", lambda: self.now, patience=patience, told=self.told.append)
        self.calls = 0

    def fails(self, times: int = 1, error: RetryableError = AWAY) -> None:
        for _ in range(times):
            self.breaker.enter()
            self.breaker.failed(error)

    def later(self, seconds: int) -> None:
        self.now += seconds * SECOND

    def lets_through(self) -> bool:
        try:
            self.breaker.enter()
        except BreakerOpenError:
            return False
        self.breaker.left()
        return True


def test_it_opens_after_so_many_outages_in_a_row():
    vendor = Vendor()
    vendor.fails(2)
    assert (vendor.breaker.state, vendor.told) == ("closed", [])
    vendor.fails()
    assert vendor.breaker.state == "open"
    assert not vendor.lets_through()
    (opening,) = vendor.told
    assert opening is not None
    assert (opening.retry_at - vendor.now, opening.openings, opening.reason) == (10 * SECOND, 1, "no answer")


def test_an_answer_in_between_begins_anew():
    vendor = Vendor()
    vendor.fails(2)
    vendor.breaker.answered()
    vendor.fails(2)
    assert vendor.breaker.state == "closed"


def test_limits_and_locks_are_no_outage():
    vendor = Vendor()
    vendor.fails(20, LIMITED)
    assert vendor.breaker.state == "closed"


def test_a_vendor_that_asks_for_an_hour_gets_it_at_once():
    vendor = Vendor()
    vendor.fails(1, RetryableError("no more requests today", after=3600))
    states = []
    for seconds in (3599, 1):
        vendor.later(seconds)
        states.append(vendor.breaker.state)
    assert states == ["open", "half-open"]


def test_one_call_probes_and_closes_it():
    vendor = Vendor()
    vendor.fails(3)
    vendor.later(10)
    assert vendor.breaker.state == "half-open"
    vendor.breaker.enter()
    others: list[bool] = []
    other = threading.Thread(target=lambda: others.append(vendor.lets_through()))
    other.start()
    other.join()
    assert others == [False], "while one call probes, no other goes through"
    vendor.breaker.answered()
    assert (vendor.breaker.state, vendor.told[-1]) == ("closed", None)


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_most():
    vendor = Vendor()
    vendor.fails(3)
    waits = []
    for _ in range(4):
        opening = vendor.breaker.opening
        assert opening is not None
        waits.append((opening.retry_at - vendor.now) // SECOND)
        vendor.later(waits[-1])
        vendor.fails(1)
    assert waits == [10, 20, 40, 40]
    assert {opening.opened_at for opening in vendor.told if opening} == {datetime(2026, 11, 24, 9, tzinfo=UTC)}


def test_a_probe_that_ends_otherwise_lets_another_one_probe():
    vendor = Vendor()
    vendor.fails(3)
    vendor.later(10)
    assert vendor.lets_through()
    assert vendor.lets_through()


def test_a_process_goes_on_as_the_one_before_it_left_off():
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    left = Opening(now - 60 * SECOND, now + 5 * SECOND, 3, "no answer")
    breaker = Breaker("Stripe", lambda: now, opening=left)
    with pytest.raises(BreakerOpenError, match=r"Stripe is away, next try 2026-11-24 09:00:05 UTC: no answer"):
        breaker.enter()


# --- in the retry policy ------------------------------------------------------------------------------


def call(vendor: Vendor, error: Exception | None = AWAY, attempts: int = 6) -> str:
    def send() -> str:
        vendor.calls += 1
        if error is not None:
            raise error
        return "answer"

    policy = retry_policy(attempts=attempts, sleep=lambda _: None, breaker=vendor.breaker)
    return policy(send)


def test_while_it_is_open_nothing_is_sent():
    vendor = Vendor(outages=4)
    with pytest.raises(BreakerOpenError):
        call(vendor)
    assert vendor.calls == 4, "the fifth attempt of the same call is not made"
    for _ in range(50):
        with pytest.raises(BreakerOpenError):
            call(vendor)
    assert vendor.calls == 4
    vendor.later(10)
    with pytest.raises(BreakerOpenError):
        call(vendor)
    assert vendor.calls == 5, "one probe"
    vendor.later(20)
    assert call(vendor, None) == "answer"
    assert vendor.breaker.state == "closed"


@pytest.mark.parametrize("refusal", [RejectedError("no such customer", vendor="stripe"), ConfigError("key revoked")])
def test_a_refusal_is_an_answer(refusal: Exception):
    vendor = Vendor()
    vendor.fails(2)
    with pytest.raises(type(refusal)):
        call(vendor, refusal)
    vendor.fails(2)
    assert vendor.breaker.state == "closed"


def test_a_bug_in_a_probe_leaves_it_to_the_next():
    vendor = Vendor()
    vendor.fails(3)
    vendor.later(10)
    with pytest.raises(ZeroDivisionError):
        call(vendor, ZeroDivisionError())
    assert (vendor.breaker.state, call(vendor, None), vendor.breaker.state) == ("half-open", "answer", "closed")


def test_a_call_within_a_call_counts_once_when_it_is_open():
    vendor = Vendor(outages=2)
    policy = retry_policy(attempts=3, sleep=lambda _: None, breaker=vendor.breaker)
    with pytest.raises(BreakerOpenError):
        policy(lambda: call(vendor))
    assert vendor.calls == 2
    opening = vendor.breaker.opening
    assert opening is not None
    assert opening.openings == 1
