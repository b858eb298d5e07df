"""The reports with a look outside: what the journal cannot know, because the connector never saw it.

The CRM is read in pages and batches, Stripe's schedules a hundred a page. Only `drift` reads schedules one by one, for
their phases.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from connector.billing.recover import entries
from connector.crm.protocol import ContractRef
from connector.desk import Desk, Planned
from connector.domain.errors import RejectedError
from connector.domain.issues import IssueCode
from connector.journal import ContractState
from connector.mapping.raw import RawContract
from connector.mapping.reader import read_contract
from connector.plan.existing import NOTHING
from connector.plan.safety import Judgement, Verdict
from connector.reports.facts import states_of
from connector.reports.reports import Look, row_of
from connector.reports.row import Row
from connector.stake import worth_of
from connector.sync import plan_contracts

_CHUNK = 500
_NOT_MEANT = frozenset({IssueCode.NOT_ACTIVE, IssueCode.ON_HOLD})
_BILLS = frozenset({"active", "not_started"})
_OUTCOMES = ("failed", "refused", "pending", "waiting", "busy", "applied", "nothing", "skipped")


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A schedule that names an order of ours and that the journal does not know."""

    schedule: str
    order: str


def won_not_seen(look: Look) -> Iterator[Row]:
    """Yield contracts of the CRM that are ready to be billed and that the connector has never looked at."""
    desk = look.desk
    known = {_short(state.record) for state in _all_states(desk)}
    refs = [ref for ref in desk.crm.changed(None).refs if _short(ref.id) not in known]
    told: set[str] = set()
    for raw in _fetched(desk, refs):
        if raw.key in told or desk.account.journal.contract(desk.name, raw.key):
            continue
        told.add(raw.key)
        reading = read_contract(raw, desk.mapping)
        if any(issue.code in _NOT_MEANT for issue in reading.issues):
            continue
        worth = worth_of(Planned(raw, reading, None, NOTHING, Judgement(Verdict.REFUSE)))
        currency, amount = worth or (None, None)
        yield Row(
            report="won-not-billed",
            connection=desk.name,
            record=raw.root.id,
            contract=raw.key,
            name=reading.contract.party.name if reading.contract else None,
            since=None,
            currency=currency,
            amount=amount,
            why="the CRM has it, and the connector has never looked at it",
            remedy="Sync it; if many are listed, look whether the process runs.",
            command=f"connector sync {raw.root.id}{look.option}",
        )


def billed_not_known(look: Look) -> Iterator[Row]:
    """Yield what Stripe bills for orders that the CRM does not have, or that the connector does not know."""
    yield from _schedules_of_nobody(look)
    yield from _orders_gone(look)


def edited(look: Look) -> Iterator[Row]:
    """Yield contracts whose schedule in Stripe is not as it was applied; every schedule is read once."""
    desk = look.desk
    refs = (ContractRef(desk.name, state.record) for state in _all_states(desk))
    for one in plan_contracts(desk, refs, live=True):
        if one.plan is None or not one.plan.edits:
            continue
        state = desk.account.journal.contract(desk.name, one.raw.key)
        if state is not None:
            why = "; ".join(edit.words for edit in one.plan.edits[:3])
            command = f"connector drift {state.record}{look.option}"
            remedy = "Decide: restore what the contract says, or leave the edit with a reason."
            yield row_of("drift", look, state, why=why, remedy=remedy, command=command)


LIVE: Mapping[str, Callable[[Look], Iterator[Row]]] = {
    "won-not-billed": won_not_seen,
    "billed-not-in-crm": billed_not_known,
    "drift": edited,
}


def _schedules_of_nobody(look: Look) -> Iterator[Row]:
    desk = look.desk
    unknown = _unknown_schedules(desk)
    while chunk := list(islice(unknown, _CHUNK)):
        found = {_short(record.id) for raw in _fetched(desk, _refs(desk, chunk)) for record in raw.records}
        for one in chunk:
            there = _short(one.order) in found
            yield Row(
                report="billed-not-in-crm",
                connection=desk.name,
                record=one.order,
                since=None,
                why=f"Stripe bills it by {one.schedule}, and the "
                + ("connector does not know that schedule" if there else f"CRM has no such {desk.mapping.noun}"),
                remedy="Take it over." if there else "End the schedule in Stripe, or restore the record.",
                command=f"connector adopt {one.order}{look.option}" if there else f"connector doctor{look.option}",
            )


def _unknown_schedules(desk: Desk) -> Iterator[_Unknown]:
    name = f"{desk.mapping.policies.metadata_prefix}order_id"
    listed: Iterator[Mapping[str, Any]] = entries(desk.account.api, "/v1/subscription_schedules", {})
    while chunk := list(islice(listed, _CHUNK)):
        ours = {
            one["id"]: one["metadata"][name] for one in chunk if one["status"] in _BILLS and name in one["metadata"]
        }
        linked = {link.stripe_id for link in desk.account.journal.stripe_links(desk.name, list(ours))}
        yield from (_Unknown(schedule, order) for schedule, order in ours.items() if schedule not in linked)


def _orders_gone(look: Look) -> Iterator[Row]:
    """Yield contracts that are billed and whose record is not among those the CRM lists, nor there when asked for."""
    desk, journal = look.desk, look.desk.account.journal
    listed = {_short(ref.id) for ref in desk.crm.changed(None).refs}
    unlisted = (state for state in _all_states(desk) if _short(state.record) not in listed)
    while chunk := list(islice(unlisted, _CHUNK)):
        billed = journal.billed_keys(desk.name, [state.contract_key for state in chunk])
        states = {state.contract_key: state for state in chunk if state.contract_key in billed}
        refs = [ContractRef(desk.name, state.record) for state in states.values()]
        there = {raw.key for raw in _fetched(desk, refs)}
        for key in sorted(states.keys() - there):
            if states[key].status.get("code") != IssueCode.RECORD_GONE:  # the journal's own report has those
                why = f"the CRM no longer has the {desk.mapping.noun}, and what is billed for it goes on in Stripe"
                remedy = "If it was deleted, restore it and end it there; if it was merged, end its schedule in Stripe."
                yield row_of("billed-not-in-crm", look, states[key], why=why, remedy=remedy)


def _fetched(desk: Desk, refs: Iterable[ContractRef]) -> Iterator[RawContract]:
    """Yield whole contracts, batch by batch; parts that the CRM cannot give together are left to the sync to tell."""
    rest = iter(refs)
    while chunk := list(islice(rest, desk.crm.batch)):
        try:
            yield from desk.crm.fetch(chunk, desk.mapping.paths)
        except RejectedError as error:
            if not error.param:
                raise


def _refs(desk: Desk, unknown: Iterable[_Unknown]) -> list[ContractRef]:
    return [ContractRef(desk.name, one.order) for one in unknown]


def _all_states(desk: Desk) -> Iterator[ContractState]:
    for outcome in _OUTCOMES:
        yield from states_of(desk.account.journal, desk.name, outcome)


def _short(record: str) -> str:
    """Return a Salesforce id as it is compared; other ids are as they are."""
    return record[:15] if len(record) == 18 and not record.isdigit() else record
