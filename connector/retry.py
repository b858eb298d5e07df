"""The one retry policy of both vendors: only `RetryableError` is tried again, everything else goes straight through.

Waits grow exponentially with full jitter, so that a crowd of workers that failed together does not return together
(AWS architecture blog, "Exponential Backoff And Jitter"). When the vendor names a time (`RetryableError.after`), we
wait at least that long. What is called must be safe to repeat: a read, a write of absolute values to a known id, or a
write with an idempotency key.
"""

import time
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from connector.domain.errors import RetryableError


def retry_policy(
    *,
    attempts: int = 6,
    first: float = 0.5,
    cap: float = 8.0,
    deadline: float = 120.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Retrying:
    """Build the policy; use it as `retry_policy()(call, *args)`. One object may serve many threads.

    The nth wait is random between 0 and `first` * 2^(n-1) seconds, never more than `cap` unless the vendor asks for it.
    A wait that would end after `deadline` seconds since the first attempt is not begun: the last error is raised
    instead, as it is after `attempts` calls.
    """
    jitter = wait_random_exponential(multiplier=first, max=cap)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, RetryableError) else None
        return jitter(state) + (asked or 0.0)

    return Retrying(
        retry=retry_if_exception_type(RetryableError),
        wait=wait,
        stop=stop_after_attempt(attempts) | stop_before_delay(deadline),
        sleep=sleep,
        reraise=True,
    )
