"""Compile a contract as its schedules stand, and look at what Stripe holds of it: what a plan is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from connector.billing.account import StripeAccount
from connector.billing.observe import continued_on, made_on, observe, own_of
from connector.compile.continued import Continued
from connector.compile.contract import compile_contract
from connector.compile.resource import Compiled
from connector.compile.spec import AdoptedEdit
from connector.compile.window import AHEAD, windowed
from connector.domain.contract import Contract
from connector.plan.existing import NOTHING, ExistingState, over_since, to_be_made


@dataclass(frozen=True, slots=True)
class Glance:
    """How to look: at `now`, reading every schedule (`live`), for schedules that nothing names, too (`seek`).

    `adopted` are edits made in Stripe that count, `ahead` the days before the last phase held at which more is due.
    """

    now: datetime
    adopted: Sequence[AdoptedEdit] = ()
    ahead: int = AHEAD
    live: bool = False
    seek: bool = False


def look(contract: Contract, account: StripeAccount, glance: Glance) -> tuple[Compiled, ExistingState]:
    """Compile for the day on which the schedules were made, else for today, and look at what Stripe holds.

    A schedule that is not ours, or was lost, may turn out to be of another day, or to be over although the contract
    goes on: then it is compiled again.
    """
    today = glance.now.astimezone(account.zone).date()
    own = own_of(contract, account)
    first = _Known(contract, today, glance, made_on(own, account.zone) or today, continued_on(own))
    compiled = first.compiled()
    if compiled.desired is None:
        return compiled, NOTHING
    existing = observe(contract, compiled.desired, account, glance.now, live=glance.live, seek=glance.seek, own=own)
    known = replace(first, goes_on=over_since(compiled.desired, existing))
    compiled = compiled if known == first else known.compiled()
    fresh = to_be_made(compiled.desired, existing, today) if compiled.desired else frozenset()
    if existing.made in {None, known.made} and not fresh:
        return compiled, existing
    return replace(known, made=existing.made or known.made, fresh=fresh).compiled(), existing


@dataclass(frozen=True, slots=True)
class _Known:
    """A contract with what is known of its schedules."""

    contract: Contract
    today: date
    glance: Glance
    made: date
    goes_on: Continued
    fresh: frozenset[str] = frozenset()

    def compiled(self) -> Compiled:
        """Compile the contract, cut to the phases that Stripe is to hold today."""
        whole = compile_contract(
            self.contract,
            self.made,
            self.today,
            fresh=self.fresh,
            adopted=self.glance.adopted,
            goes_on=self.goes_on,
        )
        return windowed(whole, self.today, self.glance.ahead)
