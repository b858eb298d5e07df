"""The values that pass through the pipeline of `sync.py`: a wired connection, a planned contract, what became of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from connector.billing.account import StripeAccount
from connector.compile.window import AHEAD
from connector.crm.protocol import Crm
from connector.domain.contract import Contract
from connector.domain.issues import Issue
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawContract
from connector.mapping.reader import Reading
from connector.plan.canonical import Json
from connector.plan.document import plan_document, unreadable_document
from connector.plan.existing import ExistingState
from connector.plan.plan import Plan
from connector.plan.safety import Judgement, Limits
from connector.plan.status import CrmStatus

#: Stripe's 25 schedules a second, at the 0.6 s that one takes, keep 15 threads busy; the rest covers slow moments.
THREADS = 32


class Stop(Protocol):
    """Whether to go on; asked before each contract, and by many threads."""

    def is_set(self) -> bool:
        """Tell whether to finish what was begun, and begin nothing more."""
        ...


@dataclass(frozen=True, slots=True)
class Before:
    """Contracts, by key, that runs before this one changed, and those of them that they ended.

    For runs that are parts of one piece of work: the limits on a run look at all of it.
    """

    changed: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a contract waits for its next try: `first`, then twice as long each time, never more than `most`."""

    first: timedelta = timedelta(seconds=5)
    most: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection, wired: a CRM, its mapping, the Stripe account it bills into, the limits and the clock.

    `ahead`: so many days before a long contract's last phase in Stripe begins, the next ones are appended. `seek`: look
    for schedules that neither the journal nor the CRM names, and link those of plans that wait for approval too.
    `threads`: so many customers are worked on beside each other.
    `billed_through`: from which day on contracts are ours to bill, by a record's id, where it is only being asked what
    that would mean; what was decided stands in the journal.
    """

    name: str
    crm: Crm
    mapping: MappingFile
    account: StripeAccount
    limits: Limits
    clock: Callable[[], datetime]
    dashboard: str
    ahead: int = AHEAD
    seek: bool = False
    backoff: Backoff = Backoff()
    threads: int = THREADS
    billed_through: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))

    def today(self) -> date:
        """Return the day in the account's time zone."""
        return self.clock().astimezone(self.account.zone).date()


@dataclass(frozen=True, slots=True)
class Planned:
    """A contract as far as it got: read, perhaps compiled and planned, judged."""

    raw: RawContract
    reading: Reading
    plan: Plan | None
    existing: ExistingState
    judgement: Judgement
    waiting: str | None = None
    """Why Stripe could not be looked at just now; the contract is tried again later."""
    mark: object = None
    """The journal's mark of the contract's operations before Stripe was looked at."""
    sold: tuple[tuple[str, str], ...] = ()
    """What was billed of the first record by the time of the plan, in short, where edits of it count from a day on."""
    unchanged: str | None = None
    """How it stands (nothing, skipped), when it was passed over: a look could only have found the same."""
    bug: str | None = None
    """What went wrong that nobody foresaw; nothing more is done for the contract."""

    @property
    def contract(self) -> Contract | None:
        """Return the contract, when it could be read."""
        return self.reading.contract

    def document(self) -> Json:
        """Return the published document (`plan/document.py`), with the mapping that it was made by."""
        made_by = self.reading.mapping
        mapping = {"file": made_by[0], "hash": made_by[1]} if made_by else None
        if self.plan is None:
            return unreadable_document(self.raw.crm, self.raw.key, self.issues) | {"mapping": mapping}
        return plan_document(self.plan, self.judgement) | {"mapping": mapping}

    @property
    def account(self) -> str:
        """Return the customer, whom no two workers may work for; a contract that cannot be read stands for itself."""
        return self.contract.party.ref if self.contract else self.raw.key

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Return everything people should know."""
        return self.plan.issues if self.plan else self.reading.issues


@dataclass(frozen=True, slots=True)
class Settled:
    """What a look went by that found nothing to do, as a hash, and the day before which it therefore holds."""

    source: str
    until: date


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one contract.

    `outcome`: applied, nothing, skipped, refused, pending, failed, waiting, busy.
    """

    planned: Planned
    outcome: str
    status: CrmStatus | None
    writes: int = 0
    error: str | None = None
    settled: Settled | None = None
    untold: str | None = None
    """Why the CRM was not told of it."""


#: How something is done for each of many contracts: one after the other (`map`), or by the threads of a run.
Each = Callable[[Callable[[RawContract], Planned], Iterable[RawContract]], Iterator[Planned]]
