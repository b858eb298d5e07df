"""What a contract is worth and since when it stands as it does, kept in the journal for the reports.

The worth is the CRM's own total in minor units; of a contract that cannot be read, the total on its orders as far as
the mapping finds it. `billed` is what it was worth when Stripe was right last, so that the difference is what waits.
"""

from datetime import datetime
from decimal import Decimal

from connector.desk import Planned, Result
from connector.domain.errors import UnknownCurrencyError
from connector.domain.money import round_minor, to_minor
from connector.journal import ContractState

#: Outcomes of contracts for which something is still to be done, or to be found out.
UNSETTLED = frozenset({"failed", "refused", "pending", "waiting", "busy"})
#: Outcomes after which Stripe holds what was sold.
RIGHT = frozenset({"applied", "nothing"})


def worth_of(one: Planned) -> tuple[str, int] | None:
    """Return the currency and what the CRM sold in minor units; None when the records do not say."""
    if one.plan and one.plan.tie_out:
        return one.plan.tie_out.currency, one.plan.tie_out.crm
    contract = one.contract
    if contract is not None:
        said = [revision.value for revision in contract.revisions if revision.value is not None]
        amounts, currency = said or [line.total for line in contract.lines], contract.currency
    else:
        values = {(read.ref, read.slot): read.value for read in one.reading.trace}
        amounts = [value for (_, slot), value in values.items() if slot == "value" and isinstance(value, Decimal)]
        currency = next((str(v) for (_, slot), v in values.items() if slot == "currency" and v), "")
    try:
        return (currency, round_minor(to_minor(sum(amounts, Decimal(0)), currency))) if amounts else None
    except UnknownCurrencyError:
        return None


def told_worth(result: Result, before: ContractState | None) -> dict[str, str | None]:
    """Return the worth as the journal's status keeps it; what is not known this time stays as it was."""
    kept = dict(before.status) if before else {}
    worth = worth_of(result.planned)
    currency, value = worth or (kept.get("currency"), kept.get("value"))
    billed = value if result.outcome in RIGHT else kept.get("billed")
    told = {"currency": currency, "value": value, "billed": billed}
    return {name: None if each is None else str(each) for name, each in told.items()}


def since_when(outcome: str, before: ContractState | None, now: datetime) -> datetime:
    """Return since when a contract is settled, or is not: another way of not being settled does not begin anew."""
    if before is None or before.since is None or (before.outcome in UNSETTLED) != (outcome in UNSETTLED):
        return now
    return before.since
