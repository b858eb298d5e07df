"""The check of the audit chain, and its last result in the journal, so that nobody walks the chain every minute."""

from dataclasses import dataclass
from datetime import datetime

from connector.journal import AuditCheck, AuditHead, Journal

#: The result is kept like the cursor of a stream that belongs to no connection.
_PLACE = ("", "audit")


@dataclass(frozen=True, slots=True)
class Checked:
    """The last check: when, and what was wrong."""

    at: datetime
    problem: str | None


def check_audit(journal: Journal, now: datetime) -> AuditCheck:
    """Walk the whole chain, hold it against the head of the last check, and keep the result.

    A head that was good once must stay on the chain: otherwise rows were cut off its end.
    """
    before = journal.cursor(*_PLACE)
    known = AuditHead(before.value["seq"], before.value["hash"]) if before else None
    check = journal.verify_audit(known)
    head = check.head if check.intact or known is None else known
    journal.save_cursor(*_PLACE, {"seq": head.seq, "hash": head.hash, "problem": check.problem}, now)
    return check


def last_audit(journal: Journal) -> Checked | None:
    """Return the last check; None before the first."""
    kept = journal.cursor(*_PLACE)
    return Checked(kept.updated_at, kept.value["problem"]) if kept else None
