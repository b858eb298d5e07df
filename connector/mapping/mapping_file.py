"""A mapping file that was read without a fault: compiled rules, ready for `reader.py`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from connector.domain.contract import Policies
from connector.domain.errors import ConfigError
from connector.mapping.conditions import Condition, paths_in
from connector.mapping.paths import Path
from connector.mapping.rules import Const, Rule, rule_paths
from connector.mapping.slots import CONTRACT_KINDS, SLOTS

#: Slot → rule.
Section = Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Gates:
    """Which records are billed."""

    when: Condition | None = None
    hold: Condition | None = None
    skip_line: Condition | None = None
    since: date | None = None
    billed_elsewhere: Condition | None = None


@dataclass(frozen=True, slots=True)
class MappingFile:
    """The rules of one CRM. `paths` says which fields to read, `hash` changes when the meaning does."""

    name: str
    crm: str
    revision_object: str
    line_object: str
    gates: Gates
    sections: Mapping[str, Section]
    tables: Mapping[str, Mapping[str, Section]]  # section tier_schedule, tier or discount → CRM object → rules
    stripe: Mapping[str, tuple[tuple[tuple[str, ...], Rule], ...]]
    write_back: Mapping[str, Mapping[str, str]]
    paths: Mapping[str, frozenset[str]]
    hash: str

    @property
    def noun(self) -> str:
        """Return what people call a revision: order or deal."""
        return "deal" if self.revision_object.casefold() in {"deal", "deals"} else "order"

    @property
    def policies(self) -> Policies:
        """Return the policies as far as the file decides them without looking at a contract."""
        rules = self.sections["policies"].items()
        fixed = {name: rule.origin.value for name, rule in rules if isinstance(rule.origin, Const)}
        defaults = {name: rule.default for name, rule in rules if rule.default is not None}
        read: dict[str, Any] = {name: SLOTS["policies"][name].read(value) for name, value in (defaults | fixed).items()}
        return Policies(**read)

    @property
    def renewal(self) -> str:
        """Return what becomes of renewal orders; ConfigError where the file wants to decide it for each order.

        Which orders make one contract must be known before any of them is read.
        """
        rules = [self.sections[name].get("renewal") for name in ("contract", "policies")]
        if any(rule is not None and not isinstance(rule.origin, Const) for rule in rules) or rules[0]:
            raise ConfigError(
                f"{self.name}: the policy renewal holds for all contracts, since it decides which orders make one. "
                'Write one word in section "policies": renewal: hand_over, append or separate.'
            )
        return self.policies.renewal


def read_paths(mapping: MappingFile) -> Mapping[str, frozenset[str]]:
    """Return by CRM object which paths the rules, gates and write-back fields need, lookups included."""
    paths: dict[str, set[str]] = {mapping.revision_object: set(), mapping.line_object: set()}
    for name, path in _used(mapping):
        paths.setdefault(name, set()).update(path.reads())
    for name, fields in mapping.write_back.items():
        paths.setdefault(name, set()).update(fields)
    return {name: frozenset(found) for name, found in sorted(paths.items())}


def _used(mapping: MappingFile) -> Iterator[tuple[str, Path]]:
    for condition in (mapping.gates.when, mapping.gates.hold, mapping.gates.billed_elsewhere):
        yield from ((mapping.revision_object, path) for path in (paths_in(condition) if condition else ()))
    for path in paths_in(mapping.gates.skip_line) if mapping.gates.skip_line else ():
        yield mapping.line_object, path
    for name, rule in _rules(mapping):
        yield from ((name, path) for path in rule_paths(rule))


def _rules(mapping: MappingFile) -> Iterator[tuple[str, Rule]]:
    """Yield every rule with the CRM object its paths start at."""
    for section, rules in mapping.sections.items():
        start = mapping.line_object if section in {"line", "product"} else mapping.revision_object
        yield from ((start, rule) for rule in rules.values())
    for table in mapping.tables.values():
        yield from ((name, rule) for name, rules in table.items() for rule in rules.values())
    for kind, entries in mapping.stripe.items():
        start = mapping.revision_object if kind in CONTRACT_KINDS else mapping.line_object
        yield from ((start, rule) for _, rule in entries)
