"""Which Stripe parameters a mapping file may name, as plain values; `billing/targets.py` reads them off the SDK.

A target is a dotted path inside one kind of Stripe object, `default_settings.invoice_settings.days_until_due`. Two
places take free names as their last part: `metadata.<key>` and `custom_fields.<name>`. What follows them is one name,
dots included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType

#: After one of these the rest of a target is one free name.
OPEN = ("metadata", "custom_fields")


@dataclass(frozen=True, slots=True)
class Targets:
    """Known parameters by kind of object, and those the connector fills itself with what to map instead."""

    known: Mapping[str, frozenset[str]]
    owned: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    clearable: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Parameters by kind that Stripe lets an update empty."""
    elsewhere: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """Names that people try, with where Stripe has it."""

    def check(self, kind: str, path: str) -> str | None:
        """Return None for a parameter that may be mapped, else what may have been meant."""
        if instead := self.instead(kind, path):
            return instead
        known = self.known.get(kind, frozenset())
        if _pattern(path) in known:
            return None
        tried = self.elsewhere.get(kind, {})
        return next((says for head, says in tried.items() if path.startswith(head)), "") or _suggestion(path, known)

    def can_clear(self, kind: str, path: str) -> bool:
        """Tell whether a parameter can be emptied in Stripe."""
        return _pattern(path) in self.clearable.get(kind, frozenset())

    def knows(self, kind: str, path: str) -> bool:
        """Tell whether the installed SDK has the parameter."""
        return _pattern(path) in self.known.get(kind, frozenset())

    def instead(self, kind: str, path: str) -> str | None:
        """Return what to map instead, for a parameter (or a part of one) that the connector fills itself."""
        parts = path.split(".")
        owned = self.owned.get(kind, {})
        return next((owned[head] for n in range(len(parts)) if (head := ".".join(parts[: n + 1])) in owned), None)


def split_target(path: str) -> tuple[str, ...]:
    """Cut a target into steps: `metadata.po.number` is ("metadata", "po.number")."""
    parts = path.split(".")
    for index, part in enumerate(parts):
        if part in OPEN and index + 1 < len(parts):
            return (*parts[: index + 1], ".".join(parts[index + 1 :]))
    return tuple(parts)


def _pattern(path: str) -> str:
    """Return the path with a free last name replaced by a star, as the known paths have it."""
    steps = split_target(path)
    return ".".join((*steps[:-1], "*")) if len(steps) > 1 and steps[-2] in OPEN and steps[-1] else path


def _suggestion(path: str, known: frozenset[str]) -> str:
    """Say what may have been meant: a parameter of that name elsewhere, one spelled alike, what its table has."""
    shown = sorted(name.replace(".*", ".<name>") for name in known)
    inside = _parts(path, shown)
    if inside:
        return f"It has parts: {_some(inside)}."
    table, _, last = path.rpartition(".")
    beside = [name for name in _parts(table, shown) if "." not in name] if table else []
    near = get_close_matches(last, beside, n=3, cutoff=0.6)
    same = [name for name in shown if name.rpartition(".")[2] == last]
    close = [f"{table}.{name}" for name in near] or same[:3]
    if not close and beside:
        return f"{table} has: {_some(beside)}."
    close = close or get_close_matches(path, shown, n=3, cutoff=0.6)
    return f"Did you mean: {', '.join(close)}?" if close else "See Stripe's API reference for its parameters."


def _parts(table: str, shown: list[str]) -> list[str]:
    return [name[len(table) + 1 :] for name in shown if name.startswith(f"{table}.")]


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
