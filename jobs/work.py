"""The work that jobs submit: each account's contracts are looked at, and whatever comes of it stands in the journal.

A contract's page and its failure say how it stands and when it is tried again, whoever looked. So a row of the work
table is done once that is written: it never keeps a failure of its own, and nothing is dead there.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from connector.crm.protocol import ContractRef
from connector.desk import Before, Desk, Result
from connector.dispatch import Failure, Item, Outcome, Reconciler
from connector.failures import FailureClass, due_after
from connector.journal import DATABASE_AWAY, FailureState, JournalSchemaError
from connector.poll import sync_refs
from connector.stamps import WAVE
from jobs.progress import note, say
from jobs.stopping import Stop

_log = logging.getLogger(__name__)

#: The name of the runs in which submitted contracts are looked at.
JOB = "work"
#: So many workers may die over an account in a row; from the first number on it is looked at in ever smaller groups,
#: alone the last ten times: accounts which were only in the same hands are not taken for what kills.
_SUSPECT, _DEATHS = 3, 16
_GROUPS = {3: 64, 4: 16, 5: 4}
_SETTLED = Outcome()
_STOPPED = Outcome(Failure.STOPPED, "the work was stopped")
_DIED = Outcome(Failure.BUG, f"{_DEATHS} workers died while they had it in hand; it may be what kills them")

#: Why a record could not even be read: the class of the failure, its code, and what to do.
_UNREAD = {
    Failure.WAIT: (FailureClass.WAIT, "AWAY", "Nothing to do: it is tried again by itself."),
    Failure.FIX_MAPPING: (
        FailureClass.FIX_MAPPING,
        "CRM_REJECTED",
        "Correct the mapping file, or let the integration user see the field: `connector doctor` says which.",
    ),
    Failure.BUG: (
        FailureClass.BUG,
        "UNEXPECTED",
        "The log has the details: report it. A change of the record, or `connector retry`, tries it again.",
    ),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What a dispatcher is given to run. `halt` makes a connection's reason to stop, a new one for each block."""

    desks: Mapping[str, Desk]
    config_hash: str
    halt: Callable[[str], Stop]

    def __call__(self, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Look at the hinted records of accounts; raises where the error may be another account's."""
        for item in items:
            if item.attempts >= _DEATHS:
                yield item, self._left(item, _DIED)
        alive = [item for item in items if item.attempts < _DEATHS]
        together = [item for item in alive if item.attempts < _SUSPECT]
        suspects = _suspects([item for item in alive if item.attempts >= _SUSPECT])
        begun = {item.key for item in (*together, *suspects)}
        for item in alive:
            if item.key not in begun:
                yield item, _STOPPED
        yield from self._looked_at(together, alone=len(items) == 1)
        yield from self._looked_at(suspects, alone=len(suspects) == 1)

    def _looked_at(self, items: Sequence[Item], *, alone: bool) -> Iterator[tuple[Item, Outcome]]:
        left, told = {item.key: item for item in items}, set[str]()
        try:
            halts = {name: self.halt(name) for name in self.desks}
            for item, outcome in self._reconciler(halts)(items):
                del left[item.key]
                if outcome.failure is Failure.WAIT and halts[item.connection].is_set():
                    outcome = _STOPPED  # noqa: PLW2901
                if outcome.failure in _UNREAD and outcome.message not in told:  # once for all of them
                    told.add(str(outcome.message))
                    _log.warning("connection %s: not read: %s: %s", *item.key, outcome.message)
                yield item, self._left(item, outcome)
        except (JournalSchemaError, *DATABASE_AWAY):  # nobody's fault, and nothing can be written
            raise
        except Exception as error:
            if not alone:  # each is tried alone
                raise
            _log.exception("%s: %s: unexpected error; the others go on", items[0].connection, items[0].account)
            for item in left.values():
                yield item, self._left(item, Outcome(Failure.BUG, f"unexpected {type(error).__name__}"))

    def _reconciler(self, halts: Mapping[str, Stop]) -> Reconciler:
        def answer(result: Result) -> Outcome:  # its page says all that is to be said; but a call that waited was ended
            return _STOPPED if result.outcome == "waiting" and any(h.is_set() for h in halts.values()) else _SETTLED

        def sync(desk: Desk, refs: Sequence[ContractRef]) -> Generator[Result]:
            return self._sync(desk, refs, halts[desk.name])

        return Reconciler(
            self.desks,
            self.config_hash,
            classify=answer,
            hints_only=True,
            sync=sync,
            halted=lambda name: halts[name].is_set(),
        )

    def _sync(self, desk: Desk, refs: Sequence[ContractRef], stop: Stop) -> Generator[Result]:
        """Make contracts right as one run, which the limits count together with those before it."""
        journal, began = desk.account.journal, desk.clock()
        counts, roots = Counter[str](), dict[str, str]()
        results = sync_refs(
            desk, refs, job=JOB, config_hash=self.config_hash, pass_over=True, stop=stop, before=before(desk)
        )
        try:
            with closing(results):
                for result in results:
                    note(result, counts, desk, _log)
                    raw = result.planned.raw
                    roots |= {revision.record.id: raw.root.id for revision in raw.revisions}
                    yield result
        finally:
            say(counts, desk, _log)
            journal.save_roots(desk.name, {record: root for record, root in roots.items() if record != root})
        if not stop.is_set():  # what the CRM has no more, and what is part of another contract, is nobody's failure
            journal.forget_failures_of(desk.name, [ref.id for ref in refs], began)

    def _left(self, item: Item, outcome: Outcome) -> Outcome:
        """Write down why records could not be read; then the account is done, until its failures are due."""
        desk = self.desks.get(item.connection)
        if outcome.failure not in _UNREAD or desk is None:
            return outcome
        journal, now = desk.account.journal, desk.clock()
        known = journal.failures_of(desk.name, item.records)
        found = [_unread(desk, record, known.get(record), outcome, now) for record in item.records]
        journal.record_failures(found)
        return _SETTLED


def _suspects(items: Sequence[Item]) -> list[Item]:
    """Return those over which the fewest workers have died, as many as may be looked at together."""
    group: list[Item] = []
    for item in sorted(items, key=lambda one: one.attempts):
        if len(group) >= _GROUPS.get(item.attempts, 1):
            break
        group.append(item)
    return group


def before(desk: Desk) -> Before:
    """Return what was changed since there has been work without a break: the limits on a run count it as one."""
    journal = desk.account.journal
    wave = journal.cursor(desk.name, WAVE)
    if wave is None:
        return Before()
    changed = journal.changed_contracts(desk.name, JOB, int(wave.value["run"]))
    return Before(frozenset(changed), frozenset(key for key, ended in changed.items() if ended))


def _unread(desk: Desk, record: str, known: FailureState | None, outcome: Outcome, now: datetime) -> FailureState:
    kind, code, remedy = _UNREAD[outcome.failure or Failure.BUG]
    same = known is not None and known.kind == kind
    attempts = known.attempts + 1 if known and same else 1
    chance = random.random()  # noqa: S311 -- jitter, no secret
    return FailureState(
        connection=desk.name,
        contract_key=known.contract_key if known else record,
        record=record,
        kind=kind.value,
        code=code,
        error=outcome.message or "",
        remedy=remedy,
        since=known.since if known else now,
        attempts=attempts,
        last_at=now,
        due_at=due_after(kind, attempts, now, desk.backoff, chance),
        mapping_hash=desk.mapping.hash,
    )
