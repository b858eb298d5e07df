"""What Stripe should hold for a contract, without what the CRMs name differently: ids, links, metadata prefixes."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connector.compile.resource import DesiredState, Key, Ref, Resource

#: Metadata that only says how one CRM names a line: CPQ keys ramps alone, HubSpot's convention every line. Addresses
#: (`_link`) are left out as well: line items have no page in HubSpot.
_LEFT_OUT = frozenset({"segment_key"})
#: Hashes over what is compared in full.
_HASHES = frozenset({"lookup_key", "id"})


def neutral(desired: DesiredState | None) -> list[Any]:
    """Return what Stripe should hold, as plain sorted values that both CRMs must agree on."""
    if desired is None:
        return []
    told = _Told(desired)
    kinds = ("customer", "product", "subscription_schedule", "invoice", "invoice_lines")
    rows = [
        [each.key.kind, told.of(each.params), told.of(each.create or {}), [told.of(later) for later in each.later]]
        for each in desired.resources
        if each.key.kind in kinds
    ]
    return sorted(rows, key=repr)


class _Told:
    """Tells parameters with what they refer to in place of its key."""

    def __init__(self, desired: DesiredState) -> None:
        self._known: Mapping[Key, Resource] = {resource.key: resource for resource in desired.resources}
        (customer,) = desired.of("customer")
        keys: Any = customer.params["metadata"]
        self._prefix = next(key.removesuffix("account_id") for key in keys if key.endswith("account_id"))

    def of(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            whole = self._metadata(value) if name == "metadata" else value
            return {key: self.of(each, key) for key, each in sorted(whole.items()) if key not in _HASHES}
        if isinstance(value, list | tuple):
            rows = [self.of(each) for each in value]
            return rows if name == "phases" else sorted(rows, key=repr)
        if isinstance(value, Ref):
            return self._referred(value)
        if isinstance(value, Decimal):
            return f"{value.normalize():f}"
        return "…" if name == "event_name" else value.isoformat() if isinstance(value, date) else value

    def _referred(self, ref: Ref) -> Any:
        found = self._known.get(ref.key)
        if found is None or ref.key.kind == "customer":
            return ref.key.kind
        return [ref.key.kind, found.params.get("name") if ref.key.kind == "product" else self.of(found.params)]

    def _metadata(self, values: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in values.items():
            name = key.removeprefix(self._prefix)
            if name == "schedule_key":
                made[name] = f"…:{str(value).split(':', 1)[1]}"
            elif name not in _LEFT_OUT and not name.endswith("_link"):
                made[name] = "…" if name.endswith("_id") else value
        return made
