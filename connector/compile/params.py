"""Steps every builder of Stripe parameters takes: leave out what is empty, add metadata, merge the mapping's own."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import cast

from connector.compile.resource import Params, Ref, Value
from connector.domain.contract import Contract

#: Lists of {name, value} in Stripe that a mapping addresses by name (`invoice_settings.custom_fields.PO number`).
_NAMED_LISTS = frozenset({"custom_fields"})

#: Most values; asking whether one is some kind of mapping is slow.
_PLAIN = frozenset({str, int, bool, type(None), Decimal, date, Ref})


def omit_empty(params: Mapping[str, Value]) -> dict[str, Value]:
    """Leave out None and empty strings, lists and dicts: Stripe's encoder would drop some of them and clear others."""
    return {key: value for key, value in params.items() if value not in (None, "", [], {})}


def metadata(contract: Contract, name: str, ref: str, link: str | None, **more: str | int | None) -> dict[str, Value]:
    """Return the metadata that names a CRM record: `salesforce_order_id`, `salesforce_order_link`, and `more` keys."""
    prefix = contract.policies.metadata_prefix
    values: dict[str, Value] = {f"{prefix}{name}_id": ref, f"{prefix}{name}_link": link}
    values |= {f"{prefix}{key}": None if value is None else str(value) for key, value in more.items()}
    return omit_empty(values)


def merge_extras(params: Mapping[str, Value], extras: Iterable[tuple[tuple[str, ...], object]]) -> dict[str, Value]:
    """Return params with the mapping's pass-through values set last, so that compile need not know their names."""
    merged = cast("dict[str, Value]", _copy(params))
    for path, value in extras:
        _set(merged, path, _copy(value))
    return merged


def dig(params: Params, *path: str) -> Value:
    """Return the value at a path, or None."""
    value: Value = params
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def _copy(value: object) -> Value:
    """Return plain dicts and lists, whatever frozen kind they came in."""
    if type(value) in _PLAIN:
        return cast("Value", value)
    if isinstance(value, Mapping):
        return {key: _copy(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(entry) for entry in value]
    return cast("Value", value)


def _set(target: dict[str, Value], path: tuple[str, ...], value: Value) -> None:
    head, *rest = path
    if not rest:
        target[head] = value
    elif head in _NAMED_LISTS:
        entries = target.setdefault(head, [])
        if isinstance(entries, list):
            entries[:] = [entry for entry in entries if dig({"entry": entry}, "entry", "name") != rest[0]]
            entries.append({"name": rest[0], "value": value})
    else:
        inner = target.setdefault(head, {})
        if isinstance(inner, dict):
            _set(inner, tuple(rest), value)
