"""What schedules in Stripe name that the contract has no use for any more: the journal knows what it was."""

from collections.abc import Iterator, Mapping

from connector.billing.account import StripeAccount
from connector.compile.resource import DesiredState, Key, Kind
from connector.plan.canonical import Json
from connector.plan.existing import ExistingObject

_KINDS: tuple[Kind, ...] = ("price", "coupon")


def known_of(
    objects: Mapping[Key, ExistingObject], desired: DesiredState, account: StripeAccount
) -> Mapping[Key, ExistingObject]:
    """Return the prices and coupons of ours on schedules that were read, without those that are desired."""
    named = {pair for key, held in objects.items() if _was_read(key, held) for pair in _names(held.params)}
    unknown = {pair for pair in named if desired.get(Key(*pair)) is None}
    if not unknown:
        return {}
    found = account.journal.links(account.connection, unknown)
    return {
        Key(kind, name): ExistingObject(found[kind, name].stripe_id, dict(found[kind, name].applied))
        for kind, name in unknown
        if (kind, name) in found
    }


def _was_read(key: Key, held: ExistingObject) -> bool:
    return key.kind == "subscription_schedule" and held.status is not None


def _names(value: Json, kind: Kind | None = None) -> Iterator[tuple[Kind, str]]:
    """Yield the prices and coupons that parameters name, by our key or by an id that we chose ourselves."""
    if isinstance(value, list):
        for entry in value:
            yield from _names(entry, kind)
    elif isinstance(value, Mapping):
        if "$ref" in value and kind:
            yield kind, value["$ref"].partition("/")[2]
            return
        for name, entry in value.items():
            yield from _names(entry, next((kind for kind in _KINDS if kind == name), None))
    elif isinstance(value, str) and kind:
        yield kind, value
