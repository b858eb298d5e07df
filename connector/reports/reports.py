"""The reports, from the journal alone: each is a function of a connection that yields rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from connector.config import JobsConfig
from connector.config.types import OFF
from connector.desk import Desk
from connector.domain.issues import IssueCode
from connector.journal import ContractState
from connector.reports.facts import Facts, Signals, failure_kind, overdue, read_facts, states_of, unsettled
from connector.reports.row import Row

_CHUNK = 500
#: A job is late when two of its slots, and a quarter of an hour, have passed without it.
_GRACE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Look:
    """What a report looks at: a connection, its facts, when its jobs run, failure classes, what to add to commands."""

    desk: Desk
    facts: Facts
    jobs: JobsConfig
    classes: Mapping[str, str]
    option: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report: the word on the command line, its title, and its rows."""

    name: str
    title: str
    rows: Callable[[Look], Iterator[Row]]


def won_not_billed(look: Look) -> Iterator[Row]:
    """Yield contracts that were won and of which Stripe bills nothing."""
    for state, billed in _with_billing(look, unsettled(look.desk.account.journal, look.desk.name)):
        if not billed and _code(state) != IssueCode.RECORD_GONE:
            yield row_of("won-not-billed", look, state)


def amendments_waiting(look: Look) -> Iterator[Row]:
    """Yield contracts that Stripe bills as they were: a change of them was not taken over."""
    apart = {IssueCode.RECORD_GONE, IssueCode.DRIFT}
    for state, billed in _with_billing(look, unsettled(look.desk.account.journal, look.desk.name)):
        if billed and _code(state) not in apart:
            yield row_of("amendments-waiting", look, state)


def billed_not_in_crm(look: Look) -> Iterator[Row]:
    """Yield contracts that Stripe bills and whose order is gone, on hold, or not active any more."""
    journal, name = look.desk.account.journal, look.desk.name
    for state in states_of(journal, name, "refused"):
        if _code(state) == IssueCode.RECORD_GONE:
            yield row_of("billed-not-in-crm", look, state)
    for state, billed in _with_billing(look, states_of(journal, name, "skipped")):
        if billed:
            why = f"the {look.desk.mapping.noun} is not active or on hold, and Stripe bills it on"
            remedy = "Activate it again, or terminate the contract; a hold alone ends nothing in Stripe."
            yield row_of("billed-not-in-crm", look, state, why=why, remedy=remedy)


def drift(look: Look) -> Iterator[Row]:
    """Yield contracts whose schedule was edited in Stripe by hand and waits for a decision."""
    for state in states_of(look.desk.account.journal, look.desk.name, "pending"):
        if _code(state) == IssueCode.DRIFT:
            command = f"connector drift {state.record}{look.option}"
            yield row_of("drift", look, state, command=command)


def windows(look: Look) -> Iterator[Row]:
    """Yield long contracts whose next phases should be in Stripe by now."""
    for state, window in overdue(look.desk):
        why = (
            f"Stripe holds {window['held']} of {window['phases']} phases, up to {window['until']}; the next ones were "
            f"due on {window['extend']}"
        )
        remedy = f"Find out why it could not be extended; after {window['until']} Stripe goes on with the last phase."
        command, since = f"connector sync {state.record}{look.option}", _midnight(window["extend"])
        yield row_of("windows", look, state, why=why, remedy=remedy, command=command, since=since)


def failures(look: Look) -> Iterator[Row]:
    """Yield contracts that did not end well at their last look, the oldest trouble first."""
    rows = (row_of("failures", look, state) for state in unsettled(look.desk.account.journal, look.desk.name))
    yield from sorted((row for row in rows if row.outcome != "pending"), key=lambda row: row.since or look.facts.now)


def lag(look: Look) -> Iterator[Row]:
    """Yield streams that were not read, jobs that did not run, work that was not done, for longer than is usual."""
    facts = look.facts
    limits = limits_of(look.jobs)
    seen = [(f"stream {one.stream}", one.updated_at) for one in facts.cursors]
    seen += [("work", facts.waits)] if facts.waits is not None else []
    stale = [(what, since, limits["sync"]) for what, since in seen if "sync" in limits]
    stale += [(f"job {job}", facts.ends[job], limits[job]) for job in limits if job in facts.ends]
    for what, since, limit in stale:
        if facts.paused is None and facts.now - since > limit:
            yield Row(
                report="lag",
                connection=facts.connection,
                record=what,
                since=since,
                why=f"the last time was {_age(facts.now - since)} ago; at most {_age(limit)} are usual",
                remedy="Look whether the process runs and what its log says.",
                command=f"connector doctor{look.option}",
            )


REPORTS = (
    Report("won-not-billed", "Won, but not billed", won_not_billed),
    Report("billed-not-in-crm", "Billed, but not in the CRM", billed_not_in_crm),
    Report("drift", "Edited in Stripe by hand", drift),
    Report("amendments-waiting", "Changes that are not billed yet", amendments_waiting),
    Report("windows", "Long contracts about to run out of phases", windows),
    Report("failures", "Failures, the oldest first", failures),
    Report("lag", "Behind schedule", lag),
)


def look_at(desk: Desk, signals: Signals, jobs: JobsConfig, *, several: bool = False) -> Look:
    """Return what the reports look at; where there are several connections, commands name theirs."""
    classes = signals.classes(desk.name) if signals.classes else {}
    return Look(desk, read_facts(desk, signals), jobs, classes, f" --connection {desk.name}" if several else "")


def limits_of(jobs: JobsConfig) -> Mapping[str, timedelta]:
    """Return after how long without a run each regular job is late."""
    every = {"sync": jobs.sync_every_seconds, "sweep": jobs.sweep_every_hours * 3_600}
    return {job: timedelta(seconds=2 * seconds) + _GRACE for job, seconds in every.items() if seconds != OFF}


def row_of(
    report: str,
    look: Look,
    state: ContractState,
    *,
    why: str | None = None,
    remedy: str | None = None,
    command: str | None = None,
    since: datetime | None = None,
) -> Row:
    """Return the row of a contract, in its own words where nothing else is said."""
    status = state.status
    currency, amount = _stake(status)
    return Row(
        report=report,
        connection=state.connection,
        record=state.record,
        contract=state.contract_key,
        name=status.get("name"),
        since=since or state.since or state.updated_at,
        outcome=state.outcome,
        kind=look.classes.get(state.contract_key) or failure_kind(state),
        currency=currency,
        amount=amount,
        why=why or status.get("message") or status.get("error") or state.outcome,
        remedy=remedy or status.get("remedy") or _REMEDIES.get(state.outcome, ""),
        command=command or _command(state, look.option),
    )


_REMEDIES = {
    "waiting": "Nothing, as long as the vendor is away; it is tried again.",
    "busy": "Nothing; another process works on the customer, and the next sync looks again.",
}


def _command(state: ContractState, option: str) -> str:
    fingerprint = state.status.get("fingerprint")
    if state.outcome == "pending" and fingerprint:
        return f'connector approve {fingerprint[:12]} --by NAME --reason "WHY"'
    verb = "explain" if state.outcome == "refused" else "sync"
    return f"connector {verb} {state.record}{option}"


def _stake(status: Mapping[str, str | None]) -> tuple[str | None, int | None]:
    """Return currency and amount: the worth of what is not billed, or of the change where something is."""
    value, billed = status.get("value"), status.get("billed")
    if value is None:
        return status.get("currency"), None
    change = int(value) - int(billed or 0)
    return status.get("currency"), change or int(value)


def _with_billing(look: Look, states: Iterable[ContractState]) -> Iterator[tuple[ContractState, bool]]:
    rest = iter(states)
    while chunk := list(islice(rest, _CHUNK)):
        billed = look.desk.account.journal.billed_keys(look.desk.name, [state.contract_key for state in chunk])
        yield from ((state, state.contract_key in billed) for state in chunk)


def _code(state: ContractState) -> str | None:
    return state.status.get("code")


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)


def _age(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
