"""What `setup` makes in a CRM: a list of things, each there, missing, or there in another form."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class State(StrEnum):
    """How a thing that setup makes is found."""

    THERE = "there"
    MISSING = "missing"
    DIFFERS = "differs"
    MADE = "made"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing: a property, a field, a label. `detail` says what it is, or in what it differs; `remedy` what to do."""

    kind: str
    name: str
    state: State
    detail: str = ""
    remedy: str = ""


@runtime_checkable
class Provider(Protocol):
    """A CRM in which the connector can make what it needs. What exists is never altered.

    `user` names who is granted the use of it, where a CRM does that by users; empty: the user who logs in.
    """

    def setup_plan(self, user: str = "") -> tuple[Part, ...]:
        """Look at everything that setup makes; nothing is changed."""
        ...

    def setup_apply(self, user: str = "") -> tuple[Part, ...]:
        """Make what is missing; one refusal does not hold up the rest. Made twice is made once."""
        ...


def missing(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return what is still to be made."""
    return tuple(part for part in parts if part.state is State.MISSING)
