"""One bad contract never stops another: what nobody foresaw is caught at the contract, and becomes its failure.

What concerns everybody goes on up: a configuration that is refused, a vendor that is away, a database that is gone.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from connector.desk import Desk, Planned, Result
from connector.domain.errors import ConfigError, RetryableError
from connector.journal import DATABASE_AWAY, JournalSchemaError
from connector.mapping.raw import RawContract
from connector.mapping.reader import Reading
from connector.plan.existing import NOTHING
from connector.plan.safety import Judgement, Verdict
from connector.record import record

_log = logging.getLogger(__name__)

_FOR_ALL = (ConfigError, RetryableError, JournalSchemaError, *DATABASE_AWAY)


def planned_or_not(desk: Desk, raw: RawContract, plan: Callable[[], Planned]) -> Planned:
    """Plan a contract; what goes wrong in a way that nobody foresaw is on the Planned that comes back."""
    try:
        return plan()
    except _FOR_ALL:
        raise
    except Exception as error:  # noqa: BLE001 -- of any kind, or one contract could stop all others
        words = _told(desk, raw, error)
        return Planned(raw, Reading(None, (), ()), None, NOTHING, Judgement(Verdict.REFUSE), bug=words)


def result_or_not(desk: Desk, one: Planned, work: Callable[[], Result]) -> Result:
    """Carry a contract out; what nobody foresaw is the result that comes back, and the others go on."""
    try:
        return work()
    except _FOR_ALL:
        raise
    except Exception as error:  # noqa: BLE001
        words = _told(desk, one.raw, error)
        bare = replace(one, reading=Reading(None, (), ()), plan=None, bug=words)  # what it held may be the cause
        return Result(bare, "failed", None, error=words)


def carried_out(desk: Desk, one: Planned, run_id: int, work: Callable[[], Result]) -> Result:
    """Carry a contract out and record it (`work` does both); what nobody foresaw is recorded as its failure."""
    result = result_or_not(desk, one, work)
    if result.planned.bug is not None and result.planned is not one:  # `work` came to no end
        record(desk, result, run_id, 0)
    return result


def _told(desk: Desk, raw: RawContract, error: Exception) -> str:
    """Log the whole story, and return words that can stand anywhere: no text of the exception, which may hold data."""
    _log.error("connection %s: %s: unexpected error; the other contracts go on", desk.name, raw.root.id, exc_info=error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
