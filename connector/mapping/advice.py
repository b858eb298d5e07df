"""What is allowed in a mapping file, but probably not meant: warnings that need no CRM."""

import re
from collections.abc import Iterator
from typing import Any

from connector.mapping.document import Document, Loc
from connector.mapping.grammar import CUSTOM_FIELDS
from connector.mapping.places import RulePlace, paths_of, rule_places
from connector.mapping.problems import Problem
from connector.mapping.slots import CONTRACT_KINDS
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
    found = [*_metadata_counts(document), *_custom_field_counts(document)]
    for place in rule_places(document):
        found += [*_never_used(document, place), *_personal(document, place), *_preview(document, place)]
        found += _never_amended(document, place)
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


def _never_amended(document: Document, place: RulePlace) -> Iterator[Problem]:
    """Report rules for amendments only on what is read from the first order."""
    section, kind = str(place.loc[0]), str(place.loc[1])
    first = section in {"contract", "party", "policies"} or (
        section in {"stripe", "preview"} and kind in CONTRACT_KINDS
    )
    wanted = place.data.get("on") if isinstance(place.data, dict) else None
    if first and wanted in ("amendment", ["amendment"]):
        what = kind if section in {"stripe", "preview"} else f"section {section}"
        message = f"never used: the {what} is read from the first order, which is no amendment"
        hint = "What changes with an amendment are lines: line, product, stripe.item, stripe.price, stripe.one_off."
        yield document.problem(document.value_mark((*place.loc, "on")), "MAP-101", message, hint, warning=True)


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


def _custom_field_counts(document: Document) -> Iterator[Problem]:
    """Report more custom fields than an invoice has; those that all orders fill were a fault already."""
    for (kind, *_), found in _lists(document, "custom_fields").items():
        for target in found[CUSTOM_FIELDS:]:
            message = f"custom field number {found.index(target) + 1} of an invoice of the {kind}"
            hint = f"An invoice has at most {CUSTOM_FIELDS}: a contract for which more of them count is not billed."
            mark = document.key_mark(("stripe", kind, target))
            yield document.problem(mark, "MAP-103", message, hint, warning=True)


def _lists(document: Document, word: str) -> dict[Loc, list[str]]:
    """Return the entries of metadata, or of custom fields, by the table that they go to."""
    lists: dict[Loc, list[str]] = {}
    for kind, entries in (document.data.get("stripe") or {}).items():
        for target in entries or {}:
            steps = split_target(target)
            if len(steps) > 1 and steps[-2] == word:
                lists.setdefault((kind, *steps[:-1]), []).append(target)
    return lists


def _metadata_counts(document: Document) -> Iterator[Problem]:
    for (kind, *_), found in _lists(document, "metadata").items():
        for target in found[METADATA_KEYS - OWN_KEYS :]:
            message = f"metadata key number {found.index(target) + 1} of the {kind}"
            hint = f"Stripe takes {METADATA_KEYS} keys, and up to {OWN_KEYS} of them are the connector's own."
            mark = document.key_mark(("stripe", kind, target))
            yield document.problem(mark, "MAP-103", message, hint, warning=True)
