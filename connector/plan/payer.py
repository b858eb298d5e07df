"""Who pays: the Stripe customer for whom a schedule was made, and the one that the CRM names today."""

from collections.abc import Iterator, Mapping

from connector.compile.resource import DesiredState
from connector.domain.contract import Contract
from connector.domain.issues import Issue, IssueCode, warn
from connector.plan.canonical import canonical
from connector.plan.existing import OVER, ExistingState


def check_payer(contract: Contract, desired: DesiredState, existing: ExistingState) -> Iterator[Issue]:
    """Yield a warning where a schedule bills another customer than the CRM names: Stripe cannot move it.

    That is so when accounts were merged, or an order was given to another account, after it was billed.
    """
    for key, held in sorted(existing.objects.items()):
        resource = desired.get(key)
        if key.kind != "subscription_schedule" or resource is None or held.status in OVER:
            continue
        billed = (held.applied or held.params).get("customer")
        if isinstance(billed, Mapping) and billed != canonical(resource.params["customer"]):
            yield warn(
                IssueCode.CUSTOMER_CHANGED,
                contract.source(contract.party.ref, "ref"),
                f"{billed['$ref'].partition('/')[2]} is billed for it, but the CRM now names {contract.party.name} "
                f"({contract.party.ref}); Stripe moves no subscription to another customer",
                "Nothing, if who is billed is to go on paying; else end the contract and sell the rest of it anew.",
            )
            return
