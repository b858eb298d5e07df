"""One bad contract never stops another: what nobody foresaw is caught at the contract, and becomes its failure.

What concerns everybody goes on up: a configuration that is refused, a vendor that is away, a database that is gone.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from connector.desk import Desk, Planned, Result
from connector.domain.errors import ConfigError, RetryableError
from connector.journal import DATABASE_AWAY, JournalSchemaError
from connector.mapping.raw import RawContract
from connector.mapping.reader import Reading
from connector.plan.existing import NOTHING
from connector.plan.safety import Judgement, Verdict

Made = TypeVar("Made")

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
        return _bug(desk, one, error)


def with_result(desk: Desk, result: Result, work: Callable[[Result], Made]) -> tuple[Result, Made]:
    """Make something of a result; if that fails in a way that nobody foresaw, of the bug that the result is then."""
    try:
        return result, work(result)
    except _FOR_ALL:
        raise
    except Exception as error:  # noqa: BLE001
        failed = replace(_bug(desk, result.planned, error), writes=result.writes)
        return failed, work(failed)


def _bug(desk: Desk, one: Planned, error: Exception) -> Result:
    words = _told(desk, one.raw, error)
    bare = replace(one, reading=Reading(None, (), ()), plan=None, bug=words)  # what it held may be the cause
    return Result(bare, "failed", None, error=words)


def _told(desk: Desk, raw: RawContract, error: Exception) -> str:
    """Log the whole story, and return words that can stand anywhere: no text of the exception, which may hold data."""
    _log.error("connection %s: %s: unexpected error; the other contracts go on", desk.name, raw.root.id, exc_info=error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
