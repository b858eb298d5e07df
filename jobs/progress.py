"""How a job goes through results: each is counted, errors are logged, and it stops between two contracts."""

import logging
from collections import Counter
from collections.abc import Generator
from contextlib import closing

from connector.failures import FailureClass, failure_of
from connector.sync import Desk, Result
from jobs.stopping import Stop

_LEVELS = {FailureClass.BUG: logging.ERROR}


def counted(results: Generator[Result, None, None], desk: Desk, stop: Stop, log: logging.Logger) -> Counter[str]:
    """Go on until done or told to stop, the contract in hand finished; return how often each outcome came."""
    counts: Counter[str] = Counter()
    with closing(results):
        for result in results:
            counts[result.outcome] += 1
            if result.error:
                failure = failure_of(result)
                level = _LEVELS.get(failure.kind, logging.WARNING) if failure else logging.WARNING
                log.log(level, "connection %s: %s: %s", desk.name, result.planned.raw.root.id, result.error)
            if stop.is_set():
                break
    return counts


def say(counts: Counter[str], desk: Desk, log: logging.Logger) -> None:
    """Log how many contracts ended how, when there were any."""
    if counts:
        log.info("connection %s: %s", desk.name, ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
