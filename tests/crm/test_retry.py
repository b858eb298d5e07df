import pytest

from connector.domain.errors import RejectedError, RetryableError
from connector.retry import retry_policy


class Flaky:
    """Fails as often as told, then answers."""

    def __init__(self, times: int, *, after: float | None = None) -> None:
        self.times, self.after, self.calls = times, after, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            message = f"busy {self.calls}"
            raise RetryableError(message, after=self.after)
        return "done"


def test_only_what_may_pass_is_tried_again():
    slept: list[float] = []
    flaky = Flaky(5)
    assert retry_policy(sleep=slept.append)(flaky) == "done"
    assert flaky.calls == 6
    assert all(0 <= pause <= min(8.0, 0.5 * 2**n) for n, pause in enumerate(slept))

    def refused() -> None:
        raise RejectedError("no", vendor="salesforce")

    with pytest.raises(RejectedError):
        retry_policy(sleep=slept.append)(refused)
    assert len(slept) == 5


def test_the_last_error_is_raised_as_it_is():
    with pytest.raises(RetryableError, match="busy 3"):
        retry_policy(attempts=3, sleep=lambda _: None)(Flaky(9))


def test_what_the_limiter_paces_gets_more_patience():
    calls = []

    def busy() -> None:
        calls.append(1)
        raise RetryableError("too many requests", paced=True)

    with pytest.raises(RetryableError):
        retry_policy(attempts=3, first=0.0, sleep=lambda _: None)(busy)
    assert len(calls) == 9


def test_the_vendors_wish_is_the_least_we_wait():
    slept: list[float] = []
    retry_policy(sleep=slept.append)(Flaky(2, after=30))
    assert all(30 <= pause <= 31 for pause in slept)


def test_a_wait_beyond_the_deadline_is_not_begun():
    slept: list[float] = []
    with pytest.raises(RetryableError, match="busy 1"):
        retry_policy(sleep=slept.append)(Flaky(9, after=3600))
    assert slept == []
