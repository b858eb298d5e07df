"""From jobs that come one by one to blocks that are worked on together, on threads."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from connector.journal.work_rows import Key


class Gatherer:
    """Collects accounts until there are `block` of them, or none came for `window` seconds; lives on one event loop."""

    def __init__(
        self,
        work: Callable[[Sequence[Key]], None],
        pool: ThreadPoolExecutor,
        block: int,
        *,
        window: float = 0.1,
    ) -> None:
        self._work = work
        self._pool = pool
        self._block = block
        self._window = window
        self._waiting: list[tuple[Key, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def put(self, key: Key) -> None:
        """Wait until the account's block is done; raises what the work raised."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((key, done))
        if self._timer is not None:
            self._timer.cancel()
        if len(self._waiting) >= self._block:
            self._flush()
        else:
            self._timer = loop.call_later(self._window, self._flush)
        await done

    def _flush(self) -> None:
        block, self._waiting, self._timer = self._waiting, [], None
        if not block:
            return
        running = asyncio.get_running_loop().run_in_executor(self._pool, self._work, [key for key, _ in block])
        running.add_done_callback(lambda ended: _tell(ended, [done for _, done in block]))


def _tell(ended: "asyncio.Future[None]", waiting: Sequence["asyncio.Future[None]"]) -> None:
    error = ended.exception()
    for done in waiting:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
