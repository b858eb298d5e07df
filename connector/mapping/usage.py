"""Which rules of a mapping file real records use: what never counts, is never filled, or is too long for Stripe."""

from collections.abc import Iterable, Iterator, Sequence

from connector.mapping.conditions import holds
from connector.mapping.document import Document, Loc
from connector.mapping.mapping_file import MappingFile
from connector.mapping.places import RulePlace, rule_places
from connector.mapping.problems import Problem
from connector.mapping.raw import RawContract, RawRecord, RawRecords
from connector.mapping.reader import read_contract
from connector.mapping.reading import Traced
from connector.mapping.rules import Rule

#: Longest value of metadata in Stripe (docs.stripe.com/api/metadata), and of an invoice's custom field.
LONGEST = {"metadata": 500, "custom_fields": 140}

#: Slots that are empty until a contract was billed.
_WRITTEN_BACK = frozenset({"stripe_id", "key", "inputs"})


def check_use(document: Document, mapping: MappingFile, raws: Sequence[RawContract]) -> tuple[Problem, ...]:
    """Return a warning for every rule that no contract used, and for values that Stripe would not take."""
    traced = [trace for raw in raws for trace in read_contract(raw, mapping).trace]
    used = {(trace.file, trace.line) for trace in traced}
    found: list[Problem] = []
    for place in rule_places(document):
        found += _unused(document, mapping, place, used, raws)
        found += _too_long(document, place, traced)
    return tuple(found)


def _unused(
    document: Document,
    mapping: MappingFile,
    place: RulePlace,
    used: set[tuple[str, int]],
    raws: Sequence[RawContract],
) -> Iterator[Problem]:
    marks = [document.key_mark(loc) for loc in _alternatives(place.loc, place.data)]
    if used & {(mark.file, mark.line) for mark in marks} or place.loc[0] == "policies":
        return
    if place.loc[-1] in _WRITTEN_BACK:
        return
    records = list(_records(mapping, place, raws))
    if not records:
        return
    rule = _rule(mapping, place.loc)
    mark = document.key_mark(place.loc)
    if rule is not None and rule.when is not None and not any(holds(rule.when, *each) for each in records):
        message = f"the condition of {place.name} holds for none of {_count(records)}"
        hint = "Correct the condition, or take the rule out."
        yield document.problem(document.key_mark((*place.loc, "when")), "MAP-106", message, hint, warning=True)
    else:
        message = f"{place.name} is empty in all of {_count(records)}"
        hint = "Map a field that people fill in, or take the rule out."
        yield document.problem(mark, "MAP-102", message, hint, warning=True)


def _count(records: Sequence[object]) -> str:
    return f"{len(records)} record{'' if len(records) == 1 else 's'}"


def _records(
    mapping: MappingFile, place: RulePlace, raws: Iterable[RawContract]
) -> Iterator[tuple[RawRecord, RawRecords]]:
    for raw in raws:
        if place.object == mapping.revision_object:
            yield raw.root, raw.records
        elif place.object == mapping.line_object:
            yield from ((line.record, raw.records) for revision in raw.revisions for line in revision.lines)
        else:
            yield from ((record, raw.records) for record in raw.records.of(place.object))


def _too_long(document: Document, place: RulePlace, traced: Iterable[Traced]) -> Iterator[Problem]:
    if place.loc[0] not in {"stripe", "preview"}:
        return
    limit = next((length for word, length in LONGEST.items() if f"{word}." in str(place.loc[-1])), None)
    slot = f"stripe.{place.loc[1]}.{place.loc[2]}"
    longest = max((len(str(trace.value)) for trace in traced if trace.slot == slot), default=0)
    if limit is not None and longest > limit:
        message = f"a value of {longest} characters was found, and Stripe takes {limit}"
        hint = f"Cut it: as: {{truncate: {limit}}}."
        yield document.problem(document.key_mark(place.loc), "MAP-103", message, hint, warning=True)


def _alternatives(loc: Loc, rule: object) -> Iterator[Loc]:
    yield loc
    for index, inner in enumerate(rule.get("first_of") or () if isinstance(rule, dict) else ()):
        yield from _alternatives((*loc, "first_of", index), inner)


def _rule(mapping: MappingFile, loc: Loc) -> Rule | None:
    section, *rest = (str(part) for part in loc)
    if section in mapping.sections:
        return mapping.sections[section].get(".".join(rest))
    if section in mapping.tables:
        return mapping.tables[section].get(rest[0], {}).get(rest[1])
    rules = mapping.stripe.get(rest[0], ())
    return next((rule for target, rule in rules if ".".join(target) == rest[1]), None)
