"""Decodes the bracketed forms of API v1: `phases[0][items][1][price]=…`, `expand[]=…`.

Wire format as captured from the `stripe` SDK; `[]` as other clients in recorded traffic send it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

FREE_KEYED = frozenset({"metadata", "payload", "currency_options"})  # maps, even when all their keys are digits


def decode(text: str) -> dict[str, Any]:
    """Decode a form or a query string; leaves are strings, gaps in list indexes close up."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        _place(root, _split(name), value)
    return {name: _listed(value, name) for name, value in root.items()}


def _split(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    return [head, *rest.removesuffix("]").split("][")] if bracket else [head]


def _place(root: dict[str, Any], path: list[str], value: str) -> None:
    node = root
    for position, part in enumerate(path):
        last = position == len(path) - 1
        key = part or _next_index(node, None if last else path[position + 1])
        if last:
            node[key] = value
            return
        below = node.get(key)
        if not isinstance(below, dict):
            below = node[key] = {}
        node = below


def _next_index(node: dict[str, Any], member: str | None) -> str:
    """Append for `a[]`; `a[][b]` continues the last element until `b` repeats."""
    if member is not None and node:
        last = str(len(node) - 1)
        if isinstance(node.get(last), dict) and member not in node[last]:
            return last
    return str(len(node))


def _listed(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return value
    if name not in FREE_KEYED and value and all(key.isdigit() for key in value):
        return [_listed(value[key], "") for key in sorted(value, key=int)]
    return {key: _listed(below, key) for key, below in value.items()}
