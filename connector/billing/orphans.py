"""What Stripe still bills for a contract under a key that the contract no longer has.

A contract gets other keys when its lines come to have other billing frequencies, and none when everything is taken
away. What was made under the old keys goes on billing until somebody ends it.
"""

from collections.abc import Collection, Mapping

from connector.billing.account import StripeAccount
from connector.billing.client import Api
from connector.billing.endpoints import ENDPOINTS
from connector.compile.resource import DesiredState, Key, Kind
from connector.domain.contract import Contract
from connector.domain.errors import RejectedError
from connector.journal import Link
from connector.plan.existing import ExistingObject
from connector.plan.kinds import BILLING_KINDS


def orphans(
    contract: Contract, desired: DesiredState, taken: Collection[str], account: StripeAccount
) -> Mapping[Key, ExistingObject]:
    """Return the contract's schedules and invoices that nothing desired stands for, with their status.

    `taken` are the Stripe ids that desired objects were found under. Costs a read only where there is an orphan.
    """
    wanted = {(resource.key.kind, resource.key.name) for resource in desired.resources}
    found: dict[Key, ExistingObject] = {}
    for link in account.journal.contract_links(account.connection, contract.key):
        kind = next((kind for kind in BILLING_KINDS if kind == link.kind), None)
        if kind is None or link.retired_at or (kind, link.key) in wanted or link.stripe_id in taken:
            continue
        status = _status(kind, link, account.api)
        if status is not None:
            found[Key(kind, link.key)] = ExistingObject(link.stripe_id, dict(link.applied), status=status)
    return found


def _status(kind: Kind, link: Link, api: Api) -> str | None:
    """Return what Stripe says about the object; None when it was deleted there (a draft invoice can be)."""
    try:
        return str(api.get(ENDPOINTS[kind].object.format(id=link.stripe_id))["status"])
    except RejectedError as error:
        if error.status == 404:
            return None
        raise
