"""`setup` for HubSpot: the property group, our properties, and the association label pair. What exists is left alone.

A property that exists with another type is told, not altered: somebody else may use it. An option that is missing is
told, too.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connector.crm.hubspot.client import HubSpotClient
from connector.crm.hubspot.convention import GROUP, GROUP_LABEL, OWN, OwnProperty, own_properties
from connector.crm.hubspot.family import AMENDED_BY, AMENDS
from connector.crm.hubspot.schema import AccountSchema
from connector.crm.setup import Part, State
from connector.domain.errors import RejectedError

_GROUP_BODY = {"name": GROUP, "label": GROUP_LABEL, "displayOrder": -1}


class Setup:
    """Looks at an account, and makes what is missing."""

    def __init__(self, client: HubSpotClient, schema: AccountSchema) -> None:
        self._client = client
        self._schema = schema
        self._prefix = client.settings.prefix

    def plan(self) -> tuple[Part, ...]:
        """Return everything that setup makes, and how it is found."""
        return tuple(part for part, _ in self._parts())

    def apply(self) -> tuple[Part, ...]:
        """Make what is missing, in an order in which it can be made."""
        parts = tuple(_made(part, make) for part, make in self._parts())
        self._schema.forget()
        return parts

    def _parts(self) -> Iterator[tuple[Part, Callable[[], None]]]:
        for name in OWN:
            groups = {row["name"] for row in self._client.groups(name)}
            state = State.THERE if GROUP in groups else State.MISSING
            yield Part("group", f"{name}.{GROUP}", state, GROUP_LABEL), self._group(name)
        known = {name: {row["name"]: row for row in self._client.properties(name)} for name in OWN}
        for name, own in own_properties():
            found = known[name].get(f"{self._prefix}{own.name}")
            yield _property(name, own, found, self._prefix), self._own(name, own)
        labels = {row.get("label") for row in self._client.labels("deals", "deals")}
        state = State.THERE if {AMENDS, AMENDED_BY} <= labels else State.MISSING
        yield Part("label", "deals.deals", state, f'"{AMENDS}" and "{AMENDED_BY}"'), self._label

    def _group(self, name: str) -> Callable[[], None]:
        return lambda: self._client.create_group(name, _GROUP_BODY)

    def _own(self, name: str, own: OwnProperty) -> Callable[[], None]:
        return lambda: self._client.create_property(name, own.definition(self._prefix))

    def _label(self) -> None:
        name = f"{self._prefix}amends"
        self._client.create_label("deals", "deals", {"name": name, "label": AMENDS, "inverseLabel": AMENDED_BY})


def _property(name: str, own: OwnProperty, found: Mapping[str, Any] | None, prefix: str) -> Part:
    full = f"{name}.{prefix}{own.name}"
    if found is None:
        return Part("property", full, State.MISSING, f"{own.label} ({own.type})")
    if found.get("type") != own.type:
        detail = f"is of type {found.get('type')}, and {own.type} is needed"
        remedy = "Rename or delete it, or choose another prefix in the configuration and the mapping file."
        return Part("property", full, State.DIFFERS, detail, remedy)
    lacking = [option for option in own.options if option not in {row["value"] for row in found.get("options") or ()}]
    if lacking:
        return Part("property", full, State.DIFFERS, f"lacks {', '.join(lacking)}", "Add these options to it.")
    return Part("property", full, State.THERE, f"{own.label} ({own.type})")


def _made(part: Part, make: Callable[[], None]) -> Part:
    if part.state is not State.MISSING:
        return part
    try:
        make()
    except RejectedError as error:
        if error.status == 409:  # somebody made it meanwhile, or it lies archived: another run will tell
            remedy = "Run setup again; if it stays, an archived property has its name: restore it in HubSpot."
            return Part(part.kind, part.name, State.REFUSED, "the name is taken", remedy)
        return Part(part.kind, part.name, State.REFUSED, str(error), "See the text; the rest was made all the same.")
    return Part(part.kind, part.name, State.MADE, part.detail)
