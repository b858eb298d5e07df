"""What is allowed in a mapping file, but probably not meant: warnings that need no CRM."""

import re
from collections.abc import Iterator
from typing import Any

from connector.mapping.document import Document, Loc
from connector.mapping.places import RulePlace, paths_of, rule_places
from connector.mapping.problems import Problem
from connector.mapping.targets import split_target

#: Stripe's limits for metadata (docs.stripe.com/api/metadata).
METADATA_KEYS = 50
#: Keys that the connector itself writes on one object, at the most.
OWN_KEYS = 6
#: Words in a field's name that hint at data about a person.
_PERSONAL = re.compile(
    r"e-?mail|phone|mobile|fax|birth|ssn|social_?security|passport|gender|salutation|first_?name|last_?name|"
    r"mailing|home_?address|street|iban|bank_?account|national_?id|personal",
    re.IGNORECASE,
)
_PERSONS = re.compile(r"contact|lead|person|owner|createdby|user", re.IGNORECASE)


def advise(document: Document) -> tuple[Problem, ...]:
    """Return the warnings of a document that was read without a fault, in the order of the file."""
    found = list(_metadata_counts(document))
    for place in rule_places(document):
        found += [*_never_used(document, place), *_personal(document, place), *_preview(document, place)]
    return tuple(sorted(found, key=lambda each: (each.file != document.file, each.file, each.line, each.column)))


def _never_used(document: Document, place: RulePlace) -> Iterator[Problem]:
    """Report alternatives behind one that always gives a value, and defaults that cannot be needed."""
    if not isinstance(place.data, dict):
        return
    options = place.data.get("first_of") or []
    sure = next((index for index, option in enumerate(options) if _is_sure(option)), None)
    if sure is not None:
        for index in range(sure + 1, len(options)):
            mark = document.value_mark((*place.loc, "first_of", index))
            message = f"never used: alternative {sure + 1} always gives a value"
            yield document.problem(mark, "MAP-101", message, "Put it before that one, or leave it out.", warning=True)
    if place.data.get("default") is not None and (sure is not None or _is_sure({**place.data, "default": None})):
        mark = document.value_mark((*place.loc, "default"))
        yield document.problem(mark, "MAP-101", "never used: the rule always gives a value", warning=True)


def _is_sure(option: Any) -> bool:
    if not isinstance(option, dict) or option.get("when"):
        return False
    return option.get("const") is not None or option.get("default") is not None


def _personal(document: Document, place: RulePlace) -> Iterator[Problem]:
    if place.slot is not None or "metadata" not in split_target(str(place.loc[-1])):
        return
    for loc, text, condition in paths_of(place):
        *steps, name = text.split(".")
        person = any(_PERSONS.search(step) for step in steps) and name in {"Name", "Title"}
        if not condition and (_PERSONAL.search(name) or person):
            message = f"{text} is probably data about a person, and metadata is shown to everyone in Stripe"
            hint = "Leave it out, or map the record's id."
            yield document.problem(document.value_mark(loc), "MAP-104", message, hint, warning=True)


def _preview(document: Document, place: RulePlace) -> Iterator[Problem]:
    if place.loc[0] == "preview":
        message = f'"{place.loc[-1]}" is a parameter of a preview'
        hint = "Stripe refuses it, and with it the contract, unless your account takes part in the preview."
        yield document.problem(document.key_mark(place.loc), "MAP-105", message, hint, warning=True)


def _metadata_counts(document: Document) -> Iterator[Problem]:
    lists: dict[Loc, list[str]] = {}
    for kind, entries in (document.data.get("stripe") or {}).items():
        for target in entries or {}:
            steps = split_target(target)
            if len(steps) > 1 and steps[-2] == "metadata":
                lists.setdefault((kind, *steps[:-1]), []).append(target)
    for (kind, *_), found in lists.items():
        for target in found[METADATA_KEYS - OWN_KEYS :]:
            message = f"metadata key number {found.index(target) + 1} of the {kind}"
            hint = f"Stripe takes {METADATA_KEYS} keys, and up to {OWN_KEYS} of them are the connector's own."
            mark = document.key_mark(("stripe", kind, target))
            yield document.problem(mark, "MAP-103", message, hint, warning=True)
