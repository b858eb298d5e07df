"""How a job goes through results: each is counted, and errors are logged."""

import logging
from collections import Counter

from connector.failures import FailureClass, failure_of
from connector.sync import Desk, Result

_LEVELS = {FailureClass.BUG: logging.ERROR}


def note(result: Result, counts: Counter[str], desk: Desk, log: logging.Logger) -> None:
    """Count a result, and log its error if it has one."""
    counts[result.outcome] += 1
    if result.error:
        failure = failure_of(result)
        level = _LEVELS.get(failure.kind, logging.WARNING) if failure else logging.WARNING
        log.log(level, "connection %s: %s: %s", desk.name, result.planned.raw.root.id, result.error)


def say(counts: Counter[str], desk: Desk, log: logging.Logger) -> None:
    """Log how many contracts ended how, when there were any."""
    if counts:
        log.info("connection %s: %s", desk.name, ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
