"""Is it safe to apply without asking? Limits on how much one plan, or one run, may change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from connector.domain.money import text as money_text
from connector.domain.money import to_minor
from connector.plan.drift import edits_in_words
from connector.plan.extension import only_extends
from connector.plan.operation import Create, Retire
from connector.plan.plan import Plan


class Verdict(StrEnum):
    """What may happen with a plan."""

    APPLY = "apply"
    NEEDS_APPROVAL = "needs_approval"
    REFUSE = "refuse"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a plan may go without approval. Amounts are major units, per currency; "*" stands for all others."""

    max_contract_amount: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    max_backdating_days: int = 366
    max_terminations: int = 0
    max_changed_share: Decimal = Decimal("0.3")
    min_population: int = 10


@dataclass(frozen=True, slots=True)
class RunScope:
    """What else the same run does: live contracts known, those it would change, and those it would end."""

    contracts: int = 0
    changed: int = 0
    terminations: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reasons, in words for the person who approves."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()


def check_safety(
    plan: Plan,
    limits: Limits,
    *,
    today: date,
    scope: RunScope | None = None,
    approved: str | None = None,
    ignored: str | None = None,
) -> Judgement:
    """Judge a plan. `approved` is a fingerprint somebody approved; it counts for exactly that plan.

    `ignored` tells who left edits by hand as they are, and why: a plan that would undo them says so when it asks.

    Blocking issues are never approved away: the verdict is then REFUSE, whatever was approved.
    """
    if plan.blocked:
        return Judgement(Verdict.REFUSE, tuple(issue.message for issue in plan.issues if issue.blocks))
    if not plan.operations:
        return Judgement(Verdict.NOTHING)
    reasons = (
        *_edited(plan, ignored),
        *contract_reasons(plan, limits, today),
        *_run(plan, limits, scope or RunScope()),
    )
    if not reasons or approved == plan.fingerprint:
        return Judgement(Verdict.APPLY, reasons)
    return Judgement(Verdict.NEEDS_APPROVAL, reasons)


def _edited(plan: Plan, ignored: str | None) -> tuple[str, ...]:
    if not plan.edits:
        return ()
    begin = f"undoes what was edited in Stripe by hand and is ignored ({ignored})" if ignored else None
    return (f"{begin or 'edited in Stripe by hand'}: {edits_in_words(plan.edits)}",)


def contract_reasons(plan: Plan, limits: Limits, today: date) -> tuple[str, ...]:
    """Return why a plan asks whatever else the run does; the contract's own policies only tighten the limits."""
    policies = plan.contract.policies
    asks = policies.approval == "always" and not only_extends(plan)
    always = ("every change of this contract waits for approval (policy approval: always)",) if asks else ()
    return (*always, *_amount(plan, limits), *_backdating(plan, limits, today))


def _amount(plan: Plan, limits: Limits) -> tuple[str, ...]:
    currency, own = plan.contract.currency, plan.contract.policies.max_contract_amount
    general = limits.max_contract_amount.get(currency, limits.max_contract_amount.get("*"))
    limit = min((one for one in (general, own) if one is not None), default=None)
    if limit is None or plan.tie_out is None:
        return ()
    moved = plan.tie_out.billed + plan.tie_out.scheduled + plan.tie_out.credited
    if moved <= to_minor(limit, currency):
        return ()
    allowed = money_text(to_minor(limit, currency), currency)
    whose = "" if limit == general else " (policy max_contract_amount)"
    return (f"the plan bills {money_text(moved, currency)}, over the limit of {allowed}{whose}",)


def _backdating(plan: Plan, limits: Limits, today: date) -> tuple[str, ...]:
    creates = any(isinstance(o, Create) and o.key.kind == "subscription_schedule" for o in plan.operations)
    days = (today - max(plan.contract.start, plan.contract.billed_through or plan.contract.start)).days
    own = plan.contract.policies.max_backdating_days
    limit = limits.max_backdating_days if own is None else min(own, limits.max_backdating_days)
    if not creates or days <= limit:
        return ()
    whose = "" if limit == limits.max_backdating_days else " (policy max_backdating_days)"
    return (f"the contract started {days} days ago, over the limit of {limit}{whose}",)


def check_run(scope: RunScope, limits: Limits) -> tuple[str, ...]:
    """Return what a run as a whole does beyond the limits."""
    return (*_endings(scope, limits), *_alterations(scope, limits))


def _run(plan: Plan, limits: Limits, scope: RunScope) -> tuple[str, ...]:
    """Return the reasons that concern a plan of the run: one that only adds is not held up by what others end."""
    ends = any(isinstance(o, Retire) and o.key.kind == "subscription_schedule" for o in plan.operations)
    alters = any(not isinstance(o, Create) for o in plan.operations) and not only_extends(plan)
    return (*(_endings(scope, limits) if ends else ()), *(_alterations(scope, limits) if alters else ()))


def _endings(scope: RunScope, limits: Limits) -> tuple[str, ...]:
    if scope.terminations <= limits.max_terminations:
        return ()
    return (f"the run ends {scope.terminations} contracts, over the limit of {limits.max_terminations}",)


def _alterations(scope: RunScope, limits: Limits) -> tuple[str, ...]:
    few = scope.contracts < limits.min_population
    if few or Decimal(scope.changed) / scope.contracts <= limits.max_changed_share:
        return ()
    share = f"{limits.max_changed_share:.0%}"
    return (f"the run changes {scope.changed} of {scope.contracts} contracts, over the limit of {share}",)
