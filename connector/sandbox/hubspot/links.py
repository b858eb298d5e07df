"""Associations: which records belong together, by which type, seen from both sides.

A type id has a direction: deal to line item is 19, line item to deal 20 (vendor's v4 guide). The ids seen from the
other side of the primary quote (1393) and of the billing contact and company of a quote (1227, 1335) are not published;
1394, 1228 and 1336 stand in for them. A labelled association
always comes with the unlabelled one. The first company of a deal is its primary one until another is said to be.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.sandbox.hubspot.schema import ObjectType

Pair = tuple[str, str]
DEFAULT_TABLE = """
deals       line_items     19    20    .
deals       quotes         63    64    .
deals       quotes         1393  1394  Primary quote
deals       contacts       3     4     .
deals       companies      341   342   .
deals       companies      5     6     Primary
deals       deals          451   451   .
deals       notes          213   214   .
deals       tasks          215   216   .
deals       subscriptions  300   299   .
quotes      line_items     67    68    .
quotes      contacts       69    70    .
quotes      contacts       702   703   Contact signer
quotes      companies      71    72    .
contacts    quotes         1227  1228  Billing contact
companies   quotes         1335  1336  Billing company
companies   contacts       930   931   Billing contact
quotes      quote_templates 286  285   .
companies   contacts       280   279   .
companies   contacts       2     1     Primary
companies   notes          189   190   .
companies   tasks          191   192   .
companies   subscriptions  298   297   .
contacts    notes          201   202   .
contacts    tasks          203   204   .
contacts    subscriptions  296   295   .
quotes      tasks          217   218   .
subscriptions line_items   301   302   .
"""
FIRST_GENERIC, FIRST_OWN = 9_000, 1
PRIMARY = frozenset({5, 6, 1, 2})


@dataclass(frozen=True, slots=True)
class LinkType:
    """One kind of association in one direction; ``inverse`` is its id seen from the other side."""

    id: int
    source: str
    target: str
    label: str | None
    category: str
    inverse: int
    name: str = ""

    def body(self) -> dict[str, Any]:
        """Return the type as answers name it."""
        return {"category": self.category, "typeId": self.id, "label": self.label}


@dataclass(slots=True)
class Links:
    """All association types and all associations."""

    types: dict[tuple[str, int], LinkType] = field(default_factory=dict)
    pairs: dict[Pair, list[LinkType]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[Pair, dict[str, dict[str, list[int]]]] = field(default_factory=lambda: defaultdict(dict))
    own: int = FIRST_OWN
    generic: int = FIRST_GENERIC

    def __post_init__(self) -> None:
        for line in DEFAULT_TABLE.strip().splitlines():
            source, target, there, back, *label = line.split()
            words = None if label == ["."] else " ".join(label)
            self.define(source, target, int(there), int(back), label=words, inverse_label=words)

    # --- types -------------------------------------------------------------------------------------------

    def define(
        self,
        source: str,
        target: str,
        there: int,
        back: int,
        *,
        label: str | None = None,
        inverse_label: str | None = None,
        category: str = "HUBSPOT_DEFINED",
        name: str = "",
    ) -> list[LinkType]:
        """Add a type and, unless it is its own inverse, the type seen from the other side."""
        made = [LinkType(there, source, target, label, category, back, name)]
        if there != back:
            made.append(LinkType(back, target, source, inverse_label, category, there, name))
        for each in made:
            self.types[category, each.id] = each
            self.pairs[each.source, each.target].append(each)
        return made

    def define_own(
        self, source: ObjectType, target: ObjectType, label: str, inverse: str | None, name: str
    ) -> list[LinkType]:
        """Add a label of the account's; one that reads the same from both sides has one id."""
        there, back = self.own, self.own + (1 if inverse or source is not target else 0)
        self.own = back + 1
        return self.define(
            source.name,
            target.name,
            there,
            back,
            label=label,
            inverse_label=inverse or label,
            category="USER_DEFINED",
            name=name,
        )

    def undefine(self, kind: LinkType) -> None:
        """Remove a type with its inverse; associations lose the label and stay."""
        for type_id in {kind.id, kind.inverse}:
            gone = self.types.pop((kind.category, type_id), None)
            if gone:
                self.pairs[gone.source, gone.target].remove(gone)
                for targets in self.ends[gone.source, gone.target].values():
                    for ids in targets.values():
                        ids[:] = [each for each in ids if each != self.key(gone)]

    def rename(self, kind: LinkType, label: str, inverse: str | None) -> None:
        """Change the words of a type of the account's."""
        for each, words in ((kind, label), (self.types[kind.category, kind.inverse], inverse)):
            if words:
                made = replace(each, label=words)
                self.types[each.category, each.id] = made
                row = self.pairs[each.source, each.target]
                row[row.index(each)] = made

    def default(self, source: ObjectType, target: ObjectType) -> LinkType:
        """Return the unlabelled type of a pair, made up where the tables have none."""
        found = next((each for each in self.pairs[source.name, target.name] if each.label is None), None)
        if found is None:
            there, back = self.generic, self.generic + (source is not target)
            self.generic = back + 1
            found = self.define(source.name, target.name, there, back)[0]
        return found

    @staticmethod
    def key(kind: LinkType) -> int:
        """Return how a type is remembered: ids of the account's own types are negative, as both kinds count from 1."""
        return kind.id if kind.category == "HUBSPOT_DEFINED" else -kind.id

    def of_key(self, key: int) -> LinkType:
        """Return the type behind a remembered key."""
        return self.types["HUBSPOT_DEFINED" if key > 0 else "USER_DEFINED", abs(key)]

    # --- associations --------------------------------------------------------------------------------------

    def targets(self, source: ObjectType, source_id: str, target: ObjectType) -> dict[str, list[LinkType]]:
        """Return the records on the other side by id, with their types."""
        found = self.ends[source.name, target.name].get(source_id, {})
        return {target_id: [self.of_key(key) for key in keys] for target_id, keys in found.items()}

    def ids(self, source: ObjectType, source_id: str, target: ObjectType) -> list[str]:
        """Return the ids on the other side."""
        return list(self.ends[source.name, target.name].get(source_id, ()))

    def neighbours(self, source: ObjectType, source_id: str) -> Iterator[tuple[str, str]]:
        """Yield type name and id of everything a record is associated with."""
        for (one, other), sources in list(self.ends.items()):
            if one == source.name:
                yield from ((other, target_id) for target_id in sources.get(source_id, ()))

    def connect(self, kind: LinkType, source_id: str, target_id: str) -> bool:
        """Associate two records; False when they were so already."""
        fresh = self._add(kind.source, kind.target, source_id, target_id, self.key(kind))
        inverse = self.types[kind.category, kind.inverse]
        self._add(kind.target, kind.source, target_id, source_id, self.key(inverse))
        return fresh

    def _add(self, source: str, target: str, source_id: str, target_id: str, key: int) -> bool:
        keys = self.ends[source, target].setdefault(source_id, {}).setdefault(target_id, [])
        if key in keys:
            return False
        keys.append(key)
        return True

    def disconnect(self, source: ObjectType, source_id: str, target: ObjectType, target_id: str) -> bool:
        """Remove every association of two records; False when there was none."""
        gone = self.ends[source.name, target.name].get(source_id, {}).pop(target_id, None)
        self.ends[target.name, source.name].get(target_id, {}).pop(source_id, None)
        return gone is not None

    def drop_types(self, kinds: Iterable[LinkType], source_id: str, target_id: str) -> None:
        """Remove labels from two records; without the unlabelled type nothing is left of the association."""
        for kind in kinds:
            for one, other, first, second, key in (
                (kind.source, kind.target, source_id, target_id, self.key(kind)),
                (kind.target, kind.source, target_id, source_id, self.key(self.types[kind.category, kind.inverse])),
            ):
                keys = self.ends[one, other].get(first, {}).get(second, [])
                if key in keys:
                    keys.remove(key)
                if kind.label is None or not keys:
                    self.ends[one, other].get(first, {}).pop(second, None)
