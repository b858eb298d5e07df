"""The values that pass through the pipeline of `sync.py`: a wired connection, a planned contract, what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from connector.billing.account import StripeAccount
from connector.compile.window import AHEAD
from connector.crm.protocol import Crm
from connector.domain.contract import Contract
from connector.domain.issues import Issue
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawContract
from connector.mapping.reader import Reading
from connector.plan.existing import ExistingState
from connector.plan.plan import Plan
from connector.plan.safety import Judgement, Limits
from connector.plan.status import CrmStatus


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
    bug: str | None = None
    """What went wrong that nobody foresaw; nothing more is done for the contract."""

    @property
    def contract(self) -> Contract | None:
        """Return the contract, when it could be read."""
        return self.reading.contract

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Return everything people should know."""
        return self.plan.issues if self.plan else self.reading.issues


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
    untold: str | None = None
    """Why the CRM was not told of it."""
