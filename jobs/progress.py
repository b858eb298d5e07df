"""How a job goes through results: each is counted, errors are logged, and it stops between two contracts."""

import logging
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import closing

from connector.sync import Desk, Result


def counted(
    results: Generator[Result, None, None], desk: Desk, stop: threading.Event, log: logging.Logger
) -> Counter[str]:
    """Go on until done or told to stop, the contract in hand finished; return how often each outcome came."""
    counts: Counter[str] = Counter()
    with closing(results):
        for result in results:
            counts[result.outcome] += 1
            if result.error:
                log.warning("connection %s: %s: %s", desk.name, result.planned.raw.root.id, result.error)
            if stop.is_set():
                break
    return counts
