"""Whether a look at a contract could only find what the last one found; then it is passed over.

A look is a function of the records, the mapping, our own book and the day. Once it has found nothing to do, written
nothing anywhere and asked Stripe nothing, the same input gives the same again. So the input is hashed then, and the day
is noted on which waiting alone may change something: the next on which a phase begins or ends or a window moves.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from connector import __version__
from connector.desk import Desk, Planned, Result, Settled
from connector.journal import ContractState
from connector.mapping.raw import RawContract, RawRecord, RawRevision
from connector.mapping.reader import Reading
from connector.plan.canonical import digest
from connector.plan.existing import NOTHING
from connector.plan.plan import Plan
from connector.plan.safety import Judgement, Verdict
from connector.sold import marks_of, may_amend, sold_before
from connector.write_back import write_backs

#: Kinds that Stripe is asked about at every look, where money may be given back by credit note.
_ASKED_AGAIN = frozenset({"invoice", "invoice_lines", "invoice_finalization", "balance_credit", "credit_note"})
#: The day before which an input gives the same that no day changes.
_ALWAYS = date(9999, 12, 31)


class PassedOver:
    """Plans the contracts of a run that need a look, and says how the others stand; threads share it."""

    def __init__(self, desk: Desk, plan: Callable[[RawContract], Planned]) -> None:
        self._desk = desk
        self._plan = plan
        self._shared = desk.account.journal.shared_mark(desk.name)

    def planned(self, raw: RawContract) -> Planned:
        """Return a contract as it stands, without a look at it where none is needed."""
        return self._as_it_stands(raw) or self._plan(raw)

    def _as_it_stands(self, raw: RawContract) -> Planned | None:
        desk = self._desk
        state = desk.account.journal.contract(desk.name, raw.key)
        if state is None or not _holds(desk, state):
            return None
        if state.source_hash != _source_hash(desk, raw, state.account_key, self._shared):
            return None
        verdict = Verdict.NOTHING if state.outcome != "skipped" else Verdict.REFUSE
        outcome = "skipped" if state.outcome == "skipped" else "nothing"
        return Planned(raw, Reading(None, (), ()), None, NOTHING, Judgement(verdict), unchanged=outcome)


def settled(desk: Desk, result: Result, shared: int) -> Settled | None:
    """Return what a look went by that found nothing to do; None where another is needed.

    To be asked in the contract's turn, where nobody else works for the customer; and only when nothing was written for
    it since the contract was planned. `shared` is the journal's mark of products from before the planning.
    """
    planned = result.planned
    if desk.seek or desk.billed_through or result.writes or result.error is not None or not _is_settled(desk, result):
        return None
    journal, contract = desk.account.journal, planned.contract
    if journal.pending_intents(desk.name, planned.raw.key):
        return None
    account = contract.party.ref if contract else ""
    source = _source_hash(desk, planned.raw, account, shared)
    return Settled(source, _first_change(planned.plan, desk.today()))


def _is_settled(desk: Desk, result: Result) -> bool:
    planned = result.planned
    if any(held.status is not None or not held.linked for held in planned.existing.objects.values()):
        return False  # Stripe was asked, and may answer otherwise
    if planned.existing.issues or planned.existing.known or planned.existing.invoices:
        return False
    if any(key.kind in _ASKED_AGAIN for key in planned.existing.objects):
        return False
    if result.outcome == "skipped":  # decided by the records alone
        return True
    desired = planned.plan.desired if planned.plan else None
    if result.outcome != "nothing" or result.status is None or desired is None or desired.lapsed:
        return False  # adopted edits that lapsed have ended with this look: the next goes without them
    has_schedule = any(key.kind == "subscription_schedule" for key in planned.existing.objects)
    return has_schedule and not write_backs(planned.raw, desk.mapping, result.status, desk.clock())


def _holds(desk: Desk, state: ContractState) -> bool:
    today = desk.today()
    looked = state.updated_at.astimezone(desk.account.zone).date()
    return bool(state.source_hash) and state.same_until is not None and looked <= today < state.same_until


def _first_change(plan: Plan | None, today: date) -> date:
    """Return the first day after today on which a phase begins or ends, a window moves, or more is told."""
    desired = plan.desired if plan else None
    if desired is None:
        return _ALWAYS
    days: list[date | None] = [desired.look_again, *(one.extend for one in desired.windows)]
    for spec in desired.schedules:
        days += [day for phase in spec.phases for day in (phase.period.start, phase.period.end)]
    return min((day for day in days if day is not None and day > today), default=_ALWAYS)


def _source_hash(desk: Desk, raw: RawContract, account_key: str, shared: int) -> str:
    journal = desk.account.journal
    settings = [__version__, desk.mapping.hash, desk.dashboard, desk.ahead, str(desk.account.zone), repr(desk.limits)]
    adopted = [row.id for row in journal.adopted_edits(desk.name, raw.key)]
    marks = [journal.contract_mark(desk.name, raw.key), journal.links_mark(desk.name, raw.key, account_key)]
    sold = marks_of(sold_before(desk, raw.key)) if may_amend(desk.mapping) else ()
    book = [*marks, adopted, journal.takeover(desk.name, raw.key), shared, *([sold] if sold else [])]
    return digest(json.dumps([settings, book, list(_told(raw))], sort_keys=True, default=_spelled))


def _told(raw: RawContract) -> Iterator[Any]:
    """Yield everything that the records of a contract say."""
    yield [raw.key, raw.crm, raw.root.id, raw.instance_url]
    yield from (_revision(each) for each in raw.revisions)
    yield sorted([_record(each) for each in raw.records], key=lambda each: each[:2])
    yield [_record(each) for each in raw.siblings]
    yield [_record(each) for each in (*((raw.renews,) if raw.renews else ()), *raw.renewed_by)]


def _revision(each: RawRevision) -> list[Any]:
    lines = [
        [
            line.record.id,
            *([one.id for one in several] for several in (line.rate_schedules, line.rates, line.discounts)),
        ]
        for line in each.lines
    ]
    return [each.kind, each.record.id, lines, [one.id for one in each.discounts]]


def _record(record: RawRecord) -> list[Any]:
    """Return a record; an empty field says what a missing one does."""
    return [record.object, record.id, {name: value for name, value in record.fields.items() if value is not None}]


def _spelled(value: object) -> Any:
    """Spell what JSON has no word for; a number of the CRM is not the text that looks like it."""
    if isinstance(value, Decimal):
        return ["number", str(value)]
    return [type(value).__name__, str(value)]
