"""SIGTERM and Ctrl-C as a request to stop, told by a thread of its own.

A handler runs in the main thread between any two of its steps, also while it holds a lock: one that set an event, or
wrote a line, could wait for its own thread for ever. So it only puts a word into a queue that is made for that
(docs.python.org/3/library/queue.html, SimpleQueue: `put` may be called in a handler).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

_BOTH = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def obeying(told: Callable[[], None], again: Callable[[], None] | None = None) -> Iterator[None]:
    """Call `told` at the first signal, in a thread of its own; at the second `again` at once, in the handler.

    Without `again` a second signal does what it did before. Signals are heard by the main thread only: elsewhere this
    does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    words: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def once_more(*_: object) -> None:
        if again is not None:
            again()

    def obey(*_: object) -> None:
        if again is None:
            restore()
        else:
            for number in _BOTH:
                signal.signal(number, once_more)
        words.put(told)

    listener = threading.Thread(target=_listen, args=(words,), name="signals", daemon=True)
    listener.start()
    for number in _BOTH:
        before[number] = signal.signal(number, obey)
    try:
        yield
    finally:
        restore()
        words.put(None)
        listener.join()


def _listen(words: SimpleQueue[Callable[[], None] | None]) -> None:
    if told := words.get():
        told()
