"""Which contracts a back-fill is about, as people name them, and what an adapter does to find their records.

A selection is parsed, never a query of its own: owners and stages are looked up in the CRM, dates are days of the
account's time zone (CRM dates are inclusive), ids are checked. What an adapter returns is a superset where it cannot
tell more from a record alone; the first day of a contract is compared when the contract was read.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from connector.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Days:
    """A span of days, both ends included; an end that is None is open."""

    first: date | None = None
    last: date | None = None

    def __bool__(self) -> bool:
        return self.first is not None or self.last is not None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def moments(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Return the first moment, and the first one after the span, in UTC."""
        after = self.last + timedelta(days=1) if self.last else None
        return _midnight(self.first, zone), _midnight(after, zone)


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions that all hold; one that is empty is none. `ids` says how many records were named one by one.

    `owners` and `stages` are the CRM's ids once `SelectingCrm.checked` has looked them up. `start_path` is where the
    mapping reads the contract's first day from a record, when that is one plain field: adapters may narrow by it.
    """

    closed: Days = Days()
    starts: Days = Days()
    owners: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    ids: int = 0
    start_path: str = ""
    words: str = ""
    """The selection as it was typed, for people."""

    @property
    def everything(self) -> bool:
        """Tell whether no condition was given."""
        return not (self.closed or self.starts or self.owners or self.stages or self.ids)


@dataclass(frozen=True, slots=True)
class Choice:
    """One owner or stage of the CRM: its id, and the names that people know it by."""

    id: str
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """Return the name that is shown."""
        return self.names[0] if self.names else self.id


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls of ours so far, and how many the CRM allows yet today; None where it has not told."""

    calls: int
    left: int | None = None


@runtime_checkable
class SelectingCrm(Protocol):
    """A CRM that can list the records of a selection, page by page."""

    def checked(self, selection: Selection) -> Selection:
        """Return the selection with owners and stages by id; ConfigError, with suggestions, for unknown ones."""
        ...

    def page(self, selection: Selection, after: str, zone: ZoneInfo) -> tuple[str, ...]:
        """Return the next record ids behind the id `after` ("" for the first), in the CRM's order; () when done."""
        ...

    def quota(self) -> Quota:
        """Return what was called and what is left."""
        ...


def selection_json(selection: Selection) -> dict[str, Any]:
    """Return a selection as JSON."""
    return {
        "closed": _days_json(selection.closed),
        "starts": _days_json(selection.starts),
        "owners": list(selection.owners),
        "stages": list(selection.stages),
        "ids": selection.ids,
        "start_path": selection.start_path,
        "words": selection.words,
    }


def read_selection(stored: Mapping[str, Any]) -> Selection:
    """Read back what `selection_json` wrote."""
    return Selection(
        closed=_days(stored["closed"]),
        starts=_days(stored["starts"]),
        owners=tuple(stored["owners"]),
        stages=tuple(stored["stages"]),
        ids=int(stored["ids"]),
        start_path=str(stored["start_path"]),
        words=str(stored["words"]),
    )


def picked(selection: Selection, *, owners: Sequence[Choice], stages: Sequence[Choice]) -> Selection:
    """Return the selection with the ids of the owners and stages that were named."""
    return replace(
        selection,
        owners=_ids("owner", selection.owners, owners),
        stages=_ids("stage", selection.stages, stages),
    )


def _ids(what: str, wanted: Iterable[str], choices: Sequence[Choice]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for name in wanted for key in _matches(what, name, choices)))


def _matches(what: str, name: str, choices: Sequence[Choice]) -> list[str]:
    """Return the ids that a name stands for: an id stands for itself, a stage's name for it in every pipeline."""
    by_id = [choice.id for choice in choices if choice.id == name]
    folded = name.strip().casefold()
    found = by_id or [choice.id for choice in choices if folded in {each.casefold() for each in choice.names}]
    if found and (what == "stage" or len(found) == 1):
        return found
    if found:
        raise ConfigError(f"{len(found)} owners are called {name!r}: name one by its id ({', '.join(sorted(found))})")
    raise ConfigError(f"the CRM has no {what} {name!r}. {_suggestion(folded, choices)}")


def _suggestion(folded: str, choices: Sequence[Choice]) -> str:
    known = {each.casefold(): each for choice in choices for each in (*choice.names, choice.id)}
    close = [known[each] for each in difflib.get_close_matches(folded, known, n=3, cutoff=0.6)]
    if close:
        return f"Did you mean {' or '.join(repr(each) for each in close)}?"
    labels = sorted({choice.label for choice in choices})
    more = f" and {len(labels) - 12} more" if len(labels) > 12 else ""
    return f"It has: {', '.join(labels[:12])}{more}." if labels else "It shows none to the integration user."


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day else None


def _days_json(days: Days) -> list[str | None]:
    return [day.isoformat() if day else None for day in (days.first, days.last)]


def _days(stored: Sequence[str | None]) -> Days:
    first, last = (date.fromisoformat(day) if day else None for day in stored)
    return Days(first, last)
