"""Lives played on the Stripe emulator, over HTTP with the real SDK, through the connector's own doors to Stripe."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from connector.billing.account import StripeAccount
from connector.billing.apply import apply
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.billing.look import Glance, look
from connector.domain.contract import Contract
from connector.domain.errors import NotConvergedError, RejectedError
from connector.journal import Journal, open_journal
from connector.plan.existing import ExistingState
from connector.plan.plan import Plan, make_plan
from connector.sandbox.stripe import StripeSandbox
from tests.oracle.lives import Life, Visit
from tests.oracle.play import days_apart

_KEY = "sk_test_lives"


@dataclass
class Lived:
    """What came of a life on the emulator: the last plan that was carried out, and what was wrong on the way."""

    life: Life
    contract: Contract
    plan: Plan | None
    faults: list[str]


class Emulator:
    """An emulated account of Stripe in which lives are played, all on one clock."""

    def __init__(self, first: date) -> None:
        self.now = datetime.combine(first, time(12), UTC)
        self.stripe = StripeSandbox(now=self.now)
        self.journal: Journal = open_journal("sqlite://", upgrade=True)

    def __enter__(self) -> Self:
        self.stripe.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()
        self.stripe.stop()

    def play(self, lives: Iterable[Life]) -> list[Lived]:
        """Play lives to their end, every visit on its day."""
        found = [Lived(_named(one), one.final, None, []) for one in lives]
        end = max(lived.life.over for lived in found)
        day = min(lived.life.made for lived in found)
        while day <= end:
            visits = [(lived, visit) for lived in found for visit in self._due(lived, day)]
            if visits:
                self._move_to(day)
            for lived, visit in visits:
                self._visit(lived, visit)
                self.now += timedelta(minutes=1)
                self.stripe.move_clock(now=self.now)
            coming = [visit.day for lived in found for visit in lived.life.visits if visit.day > day]
            coming += [apart for lived in found for apart in days_apart(lived.plan, day, end)]
            day = min(coming, default=end + timedelta(days=1))
        self._move_to(end + timedelta(days=2))
        return found

    def _due(self, lived: Lived, day: date) -> Iterator[Visit]:
        visits = [visit for visit in lived.life.visits if visit.day == day]
        yield from visits
        if (
            not visits
            and lived.plan
            and day in days_apart(lived.plan, day - timedelta(days=1), day + timedelta(days=1))
        ):
            yield Visit(day, lived.contract)

    def _move_to(self, day: date) -> None:
        self.now = max(self.now, datetime.combine(day, time(12), UTC))
        self.stripe.move_clock(now=self.now)

    def _visit(self, lived: Lived, visit: Visit) -> None:
        account = StripeAccount("lives", ZoneInfo("UTC"), self.api(), self.journal)
        try:
            plan, existing = self._plan(visit, account, live=False)
            if plan.blocked:
                return
            lived.plan, lived.contract = plan, visit.contract
            apply(plan, existing, account, lambda: self.now)
            again, _ = self._plan(visit, account, live=True)
            lived.plan = again if not again.blocked else plan  # only a look at Stripe knows what was left as it was
        except (NotConvergedError, RejectedError) as error:
            lived.faults.append(f"{visit.day}: {type(error).__name__}: {error}")
            return
        if again.operations or again.blocked:
            keys = [str(one.key) for one in again.operations] or [issue.message for issue in again.issues]
            lived.faults.append(f"{visit.day}: applied, and the next plan is not empty: {keys}")

    def _plan(self, visit: Visit, account: StripeAccount, *, live: bool) -> tuple[Plan, ExistingState]:
        contract = visit.contract
        compiled, existing = look(contract, account, Glance(self.now, live=live))
        return make_plan(contract, compiled, existing, self.now.date()), existing

    def api(self) -> StripeApi:
        """Return a client that gives up at the first failure."""
        return StripeApi(_KEY, base_url=self.stripe.url, limiter=Limiter(Rates(10_000, 10_000, 100)), attempts=1)

    def billed(self, lived: Lived) -> int:
        """Return what was invoiced for a contract, minus what was given back."""
        api = self.api()
        customer = self.journal.link("lives", "customer", lived.contract.party.ref)
        if customer is None:
            return 0
        invoices = _all(api, "/v1/invoices", {"customer": customer.stripe_id})
        notes = _all(api, "/v1/credit_notes", {"customer": customer.stripe_id})
        moved = _all(api, f"/v1/customers/{customer.stripe_id}/balance_transactions", {})
        given = sum(one["amount"] for one in moved if one["type"] == "adjustment")
        return int(sum(one["total"] for one in invoices) - sum(one["amount"] for one in notes) + given)

    def faults(self, lived: Lived) -> Iterator[str]:
        """Yield what was wrong on the way, and how far what was billed is from what the last plan promised."""
        yield from lived.faults
        plan = lived.plan
        if plan is None or plan.tie_out is None or lived.contract != lived.life.final:
            return
        promised = plan.tie_out.crm - sum(reason.amount for reason in plan.tie_out.explanations)
        billed = self.billed(lived)
        if billed != promised:
            yield f"{billed} invoiced in all, the plan promised {promised}"


def _named(life: Life) -> Life:
    """Return a life whose records have names of their own: all lives are in one account."""
    visits = tuple(replace(visit, contract=_own(visit.contract, life.seed)) for visit in life.visits)
    return replace(life, final=_own(life.final, life.seed), visits=visits)


def _own(contract: Contract, seed: int) -> Contract:
    party = replace(contract.party, ref=f"ACC{seed}")
    lines: Any = [
        replace(
            revision,
            lines=tuple(
                replace(line, product=replace(line.product, ref=f"S{seed}{line.product.ref}"))
                for line in revision.lines
            ),
        )
        for revision in contract.revisions
    ]
    first = replace(lines[0], ref=f"R{seed}")
    return replace(contract, key=f"R{seed}", ref=f"R{seed}", party=party, revisions=(first, *lines[1:]))


def _all(api: StripeApi, path: str, params: dict[str, Any]) -> list[Any]:
    page, found = {**params, "limit": 100}, []
    while True:
        answer = api.get(path, page)
        found += answer["data"]
        if not answer["has_more"]:
            return found
        page["starting_after"] = found[-1]["id"]
