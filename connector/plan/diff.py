"""One generic diff of desired against existing parameters, over the fields we manage.

What the desired tree does not mention is not ours and is left alone, except inside a list, which Stripe replaces whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.plan.canonical import Json


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One field that differs, by its path in Stripe's bracket-free spelling: `phases.1.items.0.quantity`."""

    path: str
    before: Json
    after: Json


def diff(desired: Json, existing: Json, path: str = "") -> Iterator[Change]:
    """Yield the changes that would make `existing` say what `desired` says."""
    if isinstance(desired, Mapping) and isinstance(existing, Mapping) and "$ref" not in desired:
        for key in desired:
            yield from diff(desired[key], existing.get(key), _join(path, key))
    elif isinstance(desired, list) and isinstance(existing, list):
        yield from _lists(desired, existing, path)
    elif desired != existing and not (desired == "" and existing is None):  # an empty text unsets what is not there
        yield Change(path, existing, desired)


def _lists(desired: list[Json], existing: list[Json], path: str) -> Iterator[Change]:
    for index in range(max(len(desired), len(existing))):
        want = desired[index] if index < len(desired) else None
        have = existing[index] if index < len(existing) else None
        yield from diff(want, have, _join(path, str(index)))


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step
