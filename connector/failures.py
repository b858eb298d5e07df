"""Why a contract is not right, and what has to happen before another try can help. Pure: the caller brings the clock.

fix_data     the record has to change; the poll sees it. Another mapping file may help as well.
fix_mapping  the mapping file has to change: its hash unlocks it.
wait         a vendor was away, or somebody else held the customer: tried again by itself, ever more slowly.
bug          something unforeseen: it alarms, and is not tried again by itself; a changed record or `connector retry`
             starts it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connector.desk import Backoff, Result
from connector.domain.issues import Issue, IssueCode, blocking


class FailureClass(StrEnum):
    """What a failure waits for."""

    FIX_DATA = "fix_data"
    FIX_MAPPING = "fix_mapping"
    WAIT = "wait"
    BUG = "bug"


#: Billing is right, and the CRM does not say so yet.
NOT_TOLD = "CRM_NOT_TOLD"

#: Issues that no record can put right: what the mapping file sends does not fit.
_OF_THE_MAPPING = frozenset({IssueCode.PRORATION_POLICY, IssueCode.LIMIT_METADATA, IssueCode.LIMIT_CUSTOM_FIELDS})
#: Issues of the mapping file where they name no field of a record: no field is mapped, or a constant is wrong.
_OF_NO_FIELD = frozenset({IssueCode.FIELD_MISSING, IssueCode.FIELD_INVALID})


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with a contract, in words for people, and what unlocks it."""

    kind: FailureClass
    code: str
    error: str
    remedy: str


def failure_of(result: Result) -> Failure | None:
    """Return why a contract is not right; None when it is, when it waits for approval, and when it is not meant."""
    planned = result.planned
    if planned.bug is not None:
        remedy = "The log has the details: report it. A change of the record, or `connector retry`, tries it again."
        return Failure(FailureClass.BUG, "UNEXPECTED", planned.bug, remedy)
    match result.outcome:
        case "waiting":
            remedy = "Nothing to do: it is tried again by itself."
            return Failure(FailureClass.WAIT, "AWAY", result.error or "", remedy)
        case "busy":
            remedy = "Nothing to do: whoever holds the customer goes on."
            return Failure(FailureClass.WAIT, "BUSY", "another worker holds the customer", remedy)
        case "skipped":
            return None
    gone = any(issue.code is IssueCode.RECORD_GONE for issue in planned.issues)  # there is no record to tell it to
    if result.untold is not None and not gone:
        remedy = "Nothing to do while the CRM is away; correct what it refuses."
        return Failure(FailureClass.WAIT, NOT_TOLD, result.untold, remedy)
    return _stuck(result) if result.outcome in {"failed", "refused"} else None


def due_after(kind: FailureClass, attempts: int, now: datetime, backoff: Backoff, chance: float) -> datetime | None:
    """Return when to try again after so many attempts; None when only a change helps. `chance` is from 0 to 1.

    Each wait is twice the one before up to the cap, and between half and all of it, so that what failed together does
    not come back together.
    """
    if kind is not FailureClass.WAIT:
        return None
    seconds = min(backoff.first.total_seconds() * 2 ** min(attempts - 1, 30), backoff.most.total_seconds())
    return now + timedelta(seconds=seconds * (0.5 + chance / 2))


def _stuck(result: Result) -> Failure:
    """Tell apart what is wrong with this contract's data or mapping from what we do not understand."""
    problems = blocking(result.planned.issues)
    if problems:
        return Failure(_kind_of(problems[0]), problems[0].code.value, problems[0].message, problems[0].remedy)
    if result.outcome == "refused":
        reasons = "; ".join(result.planned.judgement.reasons)
        return Failure(FailureClass.FIX_DATA, "REFUSED", reasons, "Correct the contract in the CRM.")
    values = result.status.values if result.status else {}
    remedy = "Tell whoever maintains the connector; nothing more is changed."
    return Failure(FailureClass.BUG, str(values.get("code") or "UNEXPECTED"), result.error or "", remedy)


def _kind_of(issue: Issue) -> FailureClass:
    mapped = issue.code in _OF_THE_MAPPING or (issue.code in _OF_NO_FIELD and issue.field is None)
    return FailureClass.FIX_MAPPING if mapped else FailureClass.FIX_DATA
