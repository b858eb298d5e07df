"""How a job goes through results: each is counted, and errors are logged."""

import logging
from collections import Counter
from collections.abc import Generator
from contextlib import closing

from connector.sync import Desk, Result


def counted(results: Generator[Result, None, None], desk: Desk, log: logging.Logger) -> Counter[str]:
    """Go on until done, or until the run that was told to stop has finished what it began; return the outcomes."""
    counts: Counter[str] = Counter()
    with closing(results):
        for result in results:
            counts[result.outcome] += 1
            if result.error:
                log.warning("connection %s: %s: %s", desk.name, result.planned.raw.root.id, result.error)
    return counts
