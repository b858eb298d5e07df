"""Windows of long contracts in the journal: until when Stripe is supplied, when to look again, and the alarm.

A contract's state keeps the window that was applied last, also when a later sync could not extend it. So what runs
short is seen, whatever became of the runs in between.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from connector.crm.protocol import ContractRef
from connector.desk import Desk, Result
from connector.domain.issues import Issue, IssueCode, Source, warn
from connector.journal import ContractState
from connector.plan.document import window_json

_PAGE = 1_000
#: Outcomes after which Stripe holds what the plan says.
_HELD = frozenset({"applied", "nothing"})


def windows_of(result: Result, before: ContractState | None) -> list[dict[str, Any]]:
    """Return the windows that Stripe holds after a result, as the journal keeps them; else those of before."""
    plan = result.planned.plan
    if result.outcome not in _HELD or plan is None or plan.desired is None:
        return list(before.status.get("windows") or []) if before else []
    return [
        {"schedule": window.key, **window_json(window), "short": window.short.isoformat()}
        for window in plan.desired.windows
    ]


def next_step(windows: list[dict[str, Any]]) -> date | None:
    """Return the first day on which one of the windows must be longer."""
    return min((date.fromisoformat(window["extend"]) for window in windows), default=None)


def due_windows(desk: Desk) -> tuple[ContractRef, ...]:
    """Return the contracts whose next phases are to be appended by now."""
    today = desk.today().isoformat()
    states = (state for state, windows in _long_contracts(desk) if any(w["extend"] <= today for w in windows))
    return tuple(ContractRef(desk.name, state.record) for state in states)


def short_windows(desk: Desk) -> tuple[Issue, ...]:
    """Return the alarm for every schedule that is about to run out of phases although more are to come."""
    today = desk.today().isoformat()
    return tuple(
        _short(state, window)
        for state, windows in _long_contracts(desk)
        for window in windows
        if window["short"] <= today
    )


def late_windows(desk: Desk, today: date) -> Iterator[tuple[ContractState, Mapping[str, Any]]]:
    """Yield the windows whose next phases were to be appended on a day before today."""
    for state, windows in _long_contracts(desk):
        yield from ((state, window) for window in windows if window["extend"] < today.isoformat())


def _long_contracts(desk: Desk) -> Iterator[tuple[ContractState, list[Mapping[str, Any]]]]:
    journal, after = desk.account.journal, ""
    while page := journal.long_contracts(desk.name, after=after, limit=_PAGE):
        yield from ((state, state.status["windows"]) for state in page)
        after = page[-1].contract_key


def _short(state: ContractState, window: Mapping[str, Any]) -> Issue:
    return warn(
        IssueCode.WINDOW_SHORT,
        Source(state.record),
        f"Stripe holds {window['held']} of the {window['phases']} phases of the schedule {window['schedule']}, up to "
        f"{window['until']}; the next ones were due to be appended on {window['extend']}, but were not",
        "Look why with `connector explain`, and sync the order; after that day Stripe goes on with the last phase.",
    )
