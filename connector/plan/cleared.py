"""Values that a mapping clears: an empty text unsets what Stripe holds, so it belongs to updates only."""

from collections.abc import Mapping
from typing import cast

from connector.compile.resource import Params, Value


def without_cleared(params: Params) -> Params:
    """Return parameters without empty texts, and without the tables that hold nothing else."""
    return cast("Params", _pruned(params))


def _pruned(value: Value) -> Value:
    if isinstance(value, list):
        return [_pruned(entry) for entry in value]
    if not isinstance(value, Mapping):
        return value
    kept = {key: _pruned(entry) for key, entry in value.items() if entry != ""}
    return {key: entry for key, entry in kept.items() if entry != {} or value[key] == {}}
