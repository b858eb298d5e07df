"""The sections of a mapping file as pydantic models, made from the table in `slots.py`.

`MappingModel` is the one source of the file's checks and of schemas/mapping.schema.json.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from connector.mapping.converters import UnreadableError, as_date, as_text, is_empty
from connector.mapping.model import (
    ConditionModel,
    CrmPath,
    FieldName,
    PolicyRuleModel,
    RuleModel,
    Strict,
    fault,
    found,
    listed,
    one_or_more,
)
from connector.mapping.problems import did_you_mean
from connector.mapping.rules import Step
from connector.mapping.slots import CONTRACT_KINDS, LINE_KINDS, SLOTS, STATUS_SLOTS, Slot


def _fits(slot: Slot) -> Callable[[RuleModel], RuleModel]:
    """Return a check that the values which stand in the file can fill the slot."""

    def check(rule: RuleModel) -> RuleModel:
        if rule.empty == "clear":
            hint = "Leave it out: what the CRM leaves empty is left alone in Stripe."
            raise fault("MAP-026", "only a parameter in section stripe can be cleared", hint, ("empty",))
        steps = [Step(step.name, step.argument) for step in rule.as_]
        written: list[tuple[tuple[str, ...], Any, list[Step]]] = [
            (("const",), rule.const, steps),
            (("default",), rule.default, []),
        ]
        written += [(("value_map", key), value, steps) for key, value in (rule.value_map or {}).items()]
        for at, value, applied in written:
            if is_empty(value) or (at == ("const",) and rule.value_map):
                continue
            try:
                for step in applied:
                    value = step(value)  # noqa: PLW2901 - each step works on what the one before gave
                slot.read(value)
            except UnreadableError as error:
                hint = did_you_mean(as_text(value), slot.choices) if isinstance(value, str) and slot.choices else ""
                message = f"{found(value)} cannot fill {slot.name}: it {error}"
                hint = "" if hint.startswith("Known") else hint
                raise fault("MAP-025", message, hint, at) from error
        return rule

    return check


def _status(value: object) -> object:
    if not isinstance(value, str):
        raise fault("MAP-014", f"expected the name of a status, found {found(value)}")
    if value not in STATUS_SLOTS:
        raise fault("MAP-050", f'unknown status "{value}"', did_you_mean(str(value), STATUS_SLOTS))
    return value


def _slot_field(slot: Slot, *, policy: bool) -> Any:
    check = AfterValidator(_fits(slot))
    says = f"{slot.says} ({', '.join(slot.choices)})" if slot.choices else slot.says
    fitting: Any = Annotated[PolicyRuleModel, check] if policy else Annotated[RuleModel, check]
    return (fitting, Field(description=says)) if slot.must else (fitting | None, Field(None, description=says))


def _section(name: str, slots: Mapping[str, Slot]) -> Any:
    """Build the model of a section; slots such as address.city become a table inside it."""
    policy = name == "policies"
    plain = {slot.name: _slot_field(slot, policy=policy) for slot in slots.values() if "." not in slot.name}
    for head in dict.fromkeys(slot.name.partition(".")[0] for slot in slots.values() if "." in slot.name):
        named = ((key.partition(".")[2], slot) for key, slot in slots.items() if key.startswith(f"{head}."))
        inner = {key: replace(slot, name=key) for key, slot in named}
        plain[head] = (_section(f"{name}_{head}", inner) | None, None)
    title = "".join(word.title() for word in name.split("_"))
    built: Any = create_model(f"{title}Section", __base__=Strict, **plain)
    return built


def _or_nothing(value: object) -> object:
    """Let a whole section be empty."""
    return {} if value is None else value


def _day(value: object) -> object:
    try:
        return as_date(value)
    except UnreadableError as error:
        raise fault("MAP-014", f"expected a day such as 2026-01-31, found {found(value)}") from error


class Objects(Strict):
    """The CRM objects at which the paths of the sections start."""

    revision: CrmPath = Field(description="one order of a contract; also start of contract, party and policies")
    line: CrmPath = Field(description="one line of an order; also start of product")


class Sync(Strict):
    """Which records are billed."""

    when: ConditionModel | None = Field(None, description="orders that count; without it every order counts")
    hold: ConditionModel | None = Field(None, description="keeps the whole contract as it is while it holds")
    skip_line: ConditionModel | None = Field(None, description="lines that are billed elsewhere")
    billed_elsewhere: ConditionModel | None = Field(None, description="contracts that the CRM bills itself: refused")
    from_: Annotated[date, BeforeValidator(_day)] | None = Field(
        None, alias="from", description="contracts that start before this day are left alone"
    )


Status = Annotated[str, BeforeValidator(_status), Field(json_schema_extra={"enum": list(STATUS_SLOTS)})]


class Head(Strict):
    """The parts of a mapping file that are no slots."""

    version: Literal[1] = Field(description="version of the grammar")
    include: Annotated[list[str], BeforeValidator(listed), Field(json_schema_extra=one_or_more)] = Field(
        [], description="files whose rules count where this one has none"
    )
    without: list[str] = Field([], description="what is not taken over from the included files, by dotted name")
    crm: CrmPath = Field(description="name of the CRM, such as salesforce")
    objects: Objects
    sync: Sync = Field(Sync(), description="which records are billed")
    write_back: Annotated[dict[FieldName, dict[FieldName, Status]], BeforeValidator(_or_nothing)] = Field(
        {}, description="CRM object → field → status"
    )


#: Section → whether it must be there, and what it is for.
_SECTIONS = {
    "contract": (True, "slots of the contract; paths start at the first order"),
    "revision": (False, "slots of each order"),
    "party": (True, "who pays; paths start at the first order"),
    "product": (True, "the product of a line; paths start at the line"),
    "line": (True, "slots of each line"),
    "policies": (False, "choices where more than one answer is right"),
}
_TABLES = {
    "tier_schedule": "by CRM object: price schedules of a line",
    "tier": "by CRM object: rates of a price schedule",
    "discount": "by CRM object: discounts of an order or a line",
}


def _stripe(name: str) -> Any:
    kinds: Any = {
        kind: (dict[str, RuleModel], Field({}, description=f"parameters of the {kind.replace('_', ' ')}"))
        for kind in CONTRACT_KINDS + LINE_KINDS
    }
    return create_model(f"{name.title()}Section", __base__=Strict, **kinds)


def _mapping_model() -> type[Head]:
    fields: dict[str, Any] = {}
    for name, (must, says) in _SECTIONS.items():
        section = _section(name, SLOTS[name])
        fields[name] = (section, Field(description=says)) if must else (section | None, Field(None, description=says))
    for name, says in _TABLES.items():
        inner: Any = dict[FieldName, _section(name, SLOTS[name])]  # type: ignore[misc]  # built at run time
        table: Any = Annotated[inner, BeforeValidator(_or_nothing)]
        fields[name] = (table, Field({}, description=says))
    says = "Stripe parameters filled from the CRM"
    fields["stripe"] = (_stripe("stripe") | None, Field(None, description=says))
    says = "parameters of Stripe previews, which the installed SDK does not know; sent as they are"
    fields["preview"] = (_stripe("preview") | None, Field(None, description=says))
    doc = "How the records of one CRM become contracts, and what is written back."
    return create_model("MappingFile", __base__=Head, __doc__=doc, **fields)


MappingModel = _mapping_model()
