"""The threads of a run: what is to be done for one account stays in order, accounts go on beside each other.

Two small pools, so that neither waits for the other's work: one carries contracts out, which is mostly waiting for
Stripe, and one plans the batch that comes next. The crew knows nothing of contracts; `sync.py` says what is done.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

__all__ = ["PLANNERS", "Crew", "Future"]

#: Planning is arithmetic, and now and then a read of Stripe. More threads of it would take the interpreter from those
#: that carry out, and leave some of Stripe's rate unused; with one, the reads would add up.
PLANNERS = 2


class Crew:
    """Threads for the length of one run. They are started as they are needed, and gone when the block ends."""

    def __init__(self, threads: int) -> None:
        self._workers = ThreadPoolExecutor(threads, "sync")
        self._planners = ThreadPoolExecutor(PLANNERS, "plan")
        self._aside = ThreadPoolExecutor(1, "aside")
        self._last: dict[str, Future[None]] = {}

    def carry_out(self, account: str, work: Callable[[], R]) -> Future[R]:
        """Do something for an account once everything that was asked for it before is done."""
        before = self._last.get(account)
        done: Future[None] = Future()
        self._last[account] = done

        def in_turn() -> R:
            try:
                if before is not None:  # it was handed in earlier, so it runs or is done: nobody waits for ever
                    before.result()
                return work()
            finally:
                done.set_result(None)
                if self._last.get(account) is done:
                    self._last.pop(account, None)

        future = self._workers.submit(in_turn)
        future.add_done_callback(lambda one: done.set_result(None) if one.cancelled() else None)
        return future

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Do the same for each item beside each other; results come in the items' order."""
        return self._workers.map(work, items)

    def plan(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`each`, for planning: it goes on beside what is being carried out."""
        return self._planners.map(work, items)

    def soon(self, work: Callable[[], R]) -> Future[R]:
        """Do one thing beside everything else; what is asked for like this is done one after the other."""
        return self._aside.submit(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let finish what is being done, and leave what was not begun."""
        for pool in (self._aside, self._planners, self._workers):
            pool.shutdown(wait=True, cancel_futures=True)
