"""What Stripe still bills for a contract under a key that the contract no longer has.

A contract gets other keys when its lines come to have other billing frequencies, and none when everything is taken
away. What was made under the old keys goes on billing until somebody ends it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from connector.billing.account import StripeAccount
from connector.billing.client import Api
from connector.billing.endpoints import ENDPOINTS
from connector.billing.normalize import read_schedule
from connector.compile.resource import DesiredState, Key, Kind
from connector.domain.errors import RejectedError
from connector.journal import Link
from connector.plan.existing import ExistingObject
from connector.plan.kinds import BILLING_KINDS
from connector.plan.settle import is_settlement


def orphans(
    own: Iterable[Link],
    desired: DesiredState,
    taken: Collection[str],
    names: Mapping[str, Key],
    account: StripeAccount,
) -> Mapping[Key, ExistingObject]:
    """Return the schedules and invoices among a contract's own that nothing desired stands for, with their status.

    `taken` are the Stripe ids that desired objects were found under. Costs a read only where there is an orphan.
    """
    wanted = {(resource.key.kind, resource.key.name) for resource in desired.resources}
    found: dict[Key, ExistingObject] = {}
    for link in own:
        kind = next((kind for kind in BILLING_KINDS if kind == link.kind), None)
        if kind is None or link.retired_at or (kind, link.key) in wanted or link.stripe_id in taken:
            continue
        if is_settlement(Key(kind, link.key)):
            continue
        answer = read_object(kind, link, account.api)
        if answer is None:
            continue
        if kind == "subscription_schedule":
            found[Key(kind, link.key)] = read_schedule(answer, names, account.zone)
        else:
            found[Key(kind, link.key)] = ExistingObject(link.stripe_id, dict(link.applied), status=answer["status"])
    return found


def read_object(kind: Kind, link: Link, api: Api) -> Mapping[str, Any] | None:
    """Return the object; None when it was deleted in Stripe (a draft invoice can be)."""
    endpoint = ENDPOINTS[kind]
    try:
        return api.get(
            endpoint.object.format(id=link.stripe_id), {"expand": endpoint.expand} if endpoint.expand else None
        )
    except RejectedError as error:
        if error.status == 404:
            return None
        raise
