"""The one retry policy of both vendors: only `RetryableError` is tried again, everything else goes straight through.

Waits grow exponentially with full jitter, so that a crowd of workers that failed together does not return together
(AWS architecture blog, "Exponential Backoff And Jitter"). When the vendor names a time (`RetryableError.after`), we
wait at least that long. What is called must be safe to repeat: a read, a write of absolute values to a known id, or a
write with an idempotency key.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay
from tenacity.stop import stop_base
from tenacity.wait import wait_random_exponential

from connector.breaker import Breaker, BreakerOpenError
from connector.domain.errors import ConnectorError, RetryableError

_T = TypeVar("_T")

#: So many times the attempts that an error gets which the limiter answers by going slower: finding a limit that is much
#: lower than told takes some refusals, and nothing is wrong with the call.
_PATIENCE = 3


def retry_policy(
    *,
    attempts: int = 6,
    first: float = 0.5,
    cap: float = 8.0,
    deadline: float = 120.0,
    sleep: Callable[[float], None] = time.sleep,
    breaker: Breaker | None = None,
) -> Retrying:
    """Build the policy; use it as `retry_policy()(call, *args)`. One object may serve many threads.

    The nth wait is random between 0 and `first` * 2^(n-1) seconds, never more than `cap` unless the vendor asks for it.
    A wait that would end after `deadline` seconds since the first attempt is not begun: the last error is raised
    instead, as it is after `attempts` calls; after more of them where the limiter paces the calls. With a `breaker`
    every attempt goes through it, and ends when it is open.
    """
    jitter = wait_random_exponential(multiplier=first, max=cap)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, RetryableError) else None
        return jitter(state) + (asked or 0.0)

    return _Guarded(
        breaker,
        retry=retry_if_exception(_may_pass),
        wait=wait,
        stop=_Tried(attempts) | stop_before_delay(deadline),
        sleep=sleep,
        reraise=True,
    )


class _Tried(stop_base):
    """Stops after so many attempts, or more of them where the limiter paces the calls."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        paced = isinstance(error, RetryableError) and error.paced
        return retry_state.attempt_number >= self._attempts * (_PATIENCE if paced else 1)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, RetryableError) and not isinstance(error, BreakerOpenError)


class _Guarded(Retrying):
    """The policy, with every single attempt reported to the vendor's breaker."""

    def __init__(self, breaker: Breaker | None, **policy: Any) -> None:
        super().__init__(**policy)
        self._breaker = breaker

    def __call__(self, fn: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        if self._breaker is None:
            return super().__call__(fn, *args, **kwargs)
        return super().__call__(partial(_attempt, self._breaker, fn), *args, **kwargs)


def _attempt(breaker: Breaker, call: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    breaker.enter()
    try:
        answer = call(*args, **kwargs)
    except BreakerOpenError:  # of a call within this one
        raise
    except RetryableError as error:
        breaker.failed(error)
        raise
    except ConnectorError:  # a refusal is an answer
        breaker.answered()
        raise
    except BaseException:
        breaker.left()
        raise
    breaker.answered()
    return answer
