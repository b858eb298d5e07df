"""Mapping files changed by a program: one value is replaced or added, all other characters stay as they are."""

import hashlib
import re
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from connector.mapping.document import key_text, read_document

#: Plain scalars that YAML 1.2 and our reader take for text, and that need no quotes.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_. ()+/%-]*")
_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])
#: Sections whose entries stand one table deeper than slots.
_DEEPER = frozenset(["tier_schedule", "tier", "discount", "stripe", "preview", "write_back"])
_NESTED = ("party.address.", "party.shipping.")


class EditError(ValueError):
    """A change that cannot be made; the text says why."""


def content_hash(text: str) -> str:
    """Return the fingerprint of a file's text, by which two people saving the same file are told apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def flow(value: Any) -> str:
    """Return a value as YAML on one line: `{from: Cadence__c, value_map: {Every month: 1}}`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return key_text(value)
    text = str(value)
    fits = _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and text == text.strip() and ": " not in text
    return text if fits else '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def set_value(text: str, name: str, rule: str) -> str:
    """Return the file with one value set: `set_value(text, "line.interval", "Cadence__c")`.

    Comments and order stay; a comment inside a value that is replaced goes with it. Raises EditError.
    """
    wanted = _parsed(rule)
    before = read_document(text, "the file")
    if before.data is None:
        raise EditError("the file cannot be read; correct it first")
    root = YAML(typ="rt", pure=True).compose(text)
    keys = _keys(name)
    changed = _put(text, root, keys, rule.strip())
    after = read_document(changed, "the file")
    if after.data != _with(before.data, keys, wanted):
        raise EditError(f'"{name}" cannot be set in place; edit the file by hand')
    return changed


def _parsed(rule: str) -> Any:
    if "\n" in rule.strip() or not rule.strip():
        raise EditError("the value is one line of YAML, such as Cadence__c or {const: 3}")
    document = read_document(f"value: {rule.strip()}\n", "the value")
    if document.data is None or document.data.keys() != {"value"}:
        raise EditError(f"the value is not valid YAML: {rule.strip()}")
    return document.data["value"]


def _keys(name: str) -> tuple[str, ...]:
    """Cut a dotted name into keys of the file; Stripe's parameters keep their points."""
    section, _, rest = name.partition(".")
    if not rest:
        raise EditError(f'"{name}" names no value; write it like line.interval')
    if section in _DEEPER:
        table, _, entry = rest.partition(".")
        if not entry:
            raise EditError(f'"{name}" names no value; write it like {section}.{table}.NAME')
        return section, table, entry
    if name.startswith(_NESTED):
        return section, *rest.split(".", 1)
    return section, rest


def _put(text: str, root: Any, keys: tuple[str, ...], rule: str) -> str:
    node: Any = root
    for depth, key in enumerate(keys):
        if not isinstance(node, MappingNode):
            raise EditError(f'"{".".join(keys[:depth])}" is no table')
        pair = next(((k, v) for k, v in node.value if isinstance(k, ScalarNode) and k.value == key), None)
        if pair is None:
            return _insert(text, node, keys[depth:], rule, top=depth == 0)
        if depth == len(keys) - 1:
            return _replace(text, pair, rule)
        if isinstance(pair[1], ScalarNode) and not pair[1].value:
            return _fill(text, pair, keys[depth + 1 :], rule)
        node = pair[1]
    raise EditError(f'"{".".join(keys)}" is a table')


def _replace(text: str, pair: tuple[Node, Node], rule: str) -> str:
    start = _after_colon(text, pair[0])
    return f"{text[:start]} {rule}{text[_end(text, pair[1], start) :]}"


def _fill(text: str, pair: tuple[Node, Node], keys: tuple[str, ...], rule: str) -> str:
    """Give an empty section its first entry."""
    start = _after_colon(text, pair[0])
    line_end = _line_end(text, start)
    indent = pair[0].start_mark.column + 2
    return text[:line_end] + "\n" + _block(keys, rule, indent).rstrip("\n") + text[line_end:]


def _insert(text: str, table: Any, keys: tuple[str, ...], rule: str, *, top: bool) -> str:
    if table.flow_style and not top:
        close = text.rindex("}", table.start_mark.index, table.end_mark.index)
        entry = f"{flow(keys[0])}: {'{' * (len(keys) - 1)}"
        entry += "".join(f"{flow(key)}: " for key in keys[1:]) + rule + "}" * (len(keys) - 1)
        between = ", " if table.value else ""
        return f"{text[:close].rstrip()}{between}{entry}{text[close:]}"
    last = table.value[-1]
    end = _line_end(text, _end(text, last[1], _after_colon(text, last[0])))
    block = _block(keys, rule, table.value[0][0].start_mark.column)
    gap = "\n\n" if top else "\n"
    return text[:end] + gap + block.rstrip("\n") + (text[end:] or "\n")


def _block(keys: tuple[str, ...], rule: str, indent: int) -> str:
    lines = [f"{' ' * (indent + 2 * depth)}{flow(key)}:" for depth, key in enumerate(keys)]
    return "\n".join(lines) + f" {rule}\n"


def _after_colon(text: str, key: Node) -> int:
    return text.index(":", key.end_mark.index) + 1


def _end(text: str, value: Any, start: int) -> int:
    """Return where a value ends; the marks of a block reach over the comments that follow it."""
    end: int = max(value.end_mark.index, start)
    if isinstance(value, ScalarNode) and not value.value and value.style is None:
        return start
    if isinstance(value, ScalarNode) or value.flow_style:
        return end
    lines = text[start:end].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return start + len("".join(lines).rstrip())


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found


def _with(data: dict[str, Any], keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    head, *rest = keys
    inner = data.get(head) or {}
    return {**data, head: _with(inner, tuple(rest), value) if rest else value}
