"""What the chapter of work takes and gives: wishes, rows, claims, and how rows are left."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

#: An account of a connection: the customer as the CRM names it, or a record whose customer is not known yet.
Key = tuple[str, str]


class WorkState(StrEnum):
    """How a row stands. Parked: somebody must change something first. Dead: given up until somebody looks."""

    DUE = "due"
    RUNNING = "running"
    IDLE = "idle"
    PARKED = "parked"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A wish to look at an account from `due_at` (UTC) on. `records`: what is hinted at; `reason`: for people."""

    connection: str
    account: str
    reason: str
    due_at: datetime
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A row. `attempts` were made in vain since the last success; `failure` is the class of the last error."""

    connection: str
    account: str
    state: WorkState
    generation: int
    due_at: datetime | None
    attempts: int
    failure: str | None
    last_error: str | None
    reason: str
    lease_owner: str | None
    lease_until: datetime | None
    updated_at: datetime
    records: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Return what the row is found by."""
        return self.connection, self.account


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker took, the earliest due first, and from whom whose lease had ended (the owners, as they wrote)."""

    items: tuple[WorkItem, ...]
    silent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a row that is not done is left unless something was submitted meanwhile: then it is due as that asked."""

    state: WorkState
    due_at: datetime | None = None
    attempts: int = 0
    failure: str | None = None
    error: str | None = None


def merged(submissions: Iterable[Submission]) -> list[Submission]:
    """Join what concerns one account, in the order of keys: two that submit at once must not wait for each other."""
    joined: dict[Key, Submission] = {}
    for each in submissions:
        key = (each.connection, each.account)
        known = joined.get(key)
        if known is not None:
            records = tuple(dict.fromkeys((*known.records, *each.records)))
            each = replace(each, due_at=min(known.due_at, each.due_at), records=records)  # noqa: PLW2901
        joined[key] = each
    return [joined[key] for key in sorted(joined)]
