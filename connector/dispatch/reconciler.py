"""The one task: make the contracts of accounts right. It knows nothing of the engine that calls it.

A block of accounts is one run: their contracts are read together, in the batches that the CRM likes best.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from connector.crm.protocol import ContractRef
from connector.desk import Desk, Result
from connector.dispatch.protocol import SETTLED, Failure, Item, Outcome
from connector.dispatch.submissions import account_of
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.domain.issues import IssueCode, blocking
from connector.mapping.raw import RawContract
from connector.poll import sync_refs

_BY_STRIPE = frozenset({IssueCode.STRIPE_REJECTED, IssueCode.CUSTOMER_CURRENCY})
_FAILURES = {
    "waiting": Failure.WAIT,
    "busy": Failure.BUSY,
    "refused": Failure.FIX_DATA,
    "pending": Failure.APPROVE,
}
_HALTED = Outcome(Failure.STOPPED, "its turn did not come before the work was stopped")
#: Make the contracts of records right, as one run.
Sync = Callable[[Desk, Sequence[ContractRef]], Generator[Result]]
#: What an account is left for when its contracts differ: what time can mend comes first, it must not be parked.
_URGENCY = (
    Failure.WAIT,
    Failure.BUSY,
    Failure.STOPPED,
    Failure.BUG,
    Failure.FIX_MAPPING,
    Failure.FIX_DATA,
    Failure.APPROVE,
)


@dataclass(slots=True)
class _Pending:
    """An account in hand: the records that no result was seen of yet, and what the results so far come to."""

    item: Item
    records: set[str]
    outcome: Outcome = field(default=SETTLED)
    nearby: Outcome = field(default=SETTLED)
    """Of contracts that only lead to one of the records: what counts for a record that is itself no part of one."""


class _Block:
    """The accounts of one connection that are looked at together, found by their records."""

    def __init__(self, pending: Iterable[_Pending]) -> None:
        self.pending = {each.item.key: each for each in pending}
        self._by_record: dict[str, list[tuple[_Pending, str]]] = defaultdict(list)
        for each in self.pending.values():
            for record in each.records:
                self._by_record[_short(record)].append((each, record))

    def note(self, raw: RawContract, outcome: Outcome) -> Iterator[_Pending]:
        """Take in what came of a contract; yield the accounts of which it was the last, and drop them."""
        own = dict.fromkeys(_short(each.id) for each in (raw.root, *(revision.record for revision in raw.revisions)))
        for name in own:
            for each, record in self._by_record.get(name, ()):
                if record not in each.records:
                    continue
                each.records.discard(record)
                each.outcome = _worse(each.outcome, outcome)
                if not each.records:
                    yield self.pending.pop(each.item.key)
        if outcome.failure is not None:
            for each in self.pending.values():
                if any(raw.records.get(record) for record in each.records):
                    each.nearby = _worse(each.nearby, outcome)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Call it with accounts; it answers for each as soon as the last of its contracts is done.

    Looked at are the contracts that the journal knows of an account, and the records that were hinted at; with
    `hints_only` no other than these, where there are any. `classify` says what a contract's result comes to. `sync` is
    how records become results, one run each time; where it breaks off since a connection is `halted`, what has no
    result is due again.
    """

    desks: Mapping[str, Desk]
    config_hash: str
    job: str = "work"
    classify: Callable[[Result], Outcome] = field(default_factory=lambda: outcome_of)
    hints_only: bool = False
    sync: Sync | None = None
    halted: Callable[[str], bool] = lambda _: False

    def __call__(self, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Reconcile the accounts; what cannot even be tried is answered for, anything unforeseen is raised."""
        for connection, group in groupby(sorted(items, key=lambda item: item.connection), lambda i: i.connection):
            desk = self.desks.get(connection)
            if desk is None:
                known = ", ".join(sorted(self.desks))
                missing = Outcome(Failure.WAIT, f"connection {connection} is not configured here; known: {known}")
                yield from ((item, missing) for item in group)
            else:
                yield from self._of_one(desk, tuple(group))

    def _of_one(self, desk: Desk, items: Sequence[Item]) -> Generator[tuple[Item, Outcome]]:
        looked_at = _records_of(desk, items, hints_only=self.hints_only)
        block = _Block(_Pending(item, records) for item, records in looked_at)
        try:
            yield from self._results(desk, block)
        except RetryableError as error:
            yield from _all(block, Outcome(Failure.WAIT, str(error), error.after))
        except ConfigError as error:
            yield from _all(block, Outcome(Failure.WAIT, str(error)))
        except RejectedError as error:  # the CRM refuses the question itself: a field that is not there
            yield from _all(block, Outcome(Failure.FIX_MAPPING, str(error)))
        else:
            # A record without a result is gone, and nothing is billed for it; unless nobody looked.
            yield from _all(block, _HALTED if self.halted(desk.name) else SETTLED)

    def _results(self, desk: Desk, block: _Block) -> Generator[tuple[Item, Outcome]]:
        """Sync the records as one run; yield accounts whose last contract is done."""
        refs = dict.fromkeys(ContractRef(desk.name, r) for each in block.pending.values() for r in sorted(each.records))
        sync = self.sync or partial(sync_refs, job=self.job, config_hash=self.config_hash)
        with closing(sync(desk, tuple(refs))) as results:
            for result in results:
                for done in block.note(result.planned.raw, self.classify(result)):
                    yield done.item, done.outcome


def outcome_of(result: Result) -> Outcome:
    """Say what a contract's result comes to, and who can help."""
    failure = _failure_of(result)
    if failure is None:
        return SETTLED
    reasons = (issue.message for issue in blocking(result.planned.issues))
    return Outcome(failure, result.error or "; ".join(result.planned.judgement.reasons or reasons) or None)


def _failure_of(result: Result) -> Failure | None:
    if result.outcome == "failed":
        by_stripe = any(issue.code in _BY_STRIPE for issue in result.planned.issues)
        return Failure.FIX_DATA if by_stripe else Failure.BUG
    if result.error and result.outcome != "busy":  # a vendor is away, or billing is done and the CRM was not told
        return Failure.WAIT
    return _FAILURES.get(result.outcome)


def _records_of(desk: Desk, items: Sequence[Item], *, hints_only: bool) -> Iterator[tuple[Item, set[str]]]:
    accounts = {item.key: None if hints_only and item.records else account_of(item.account) for item in items}
    known = desk.account.journal.account_records(desk.name, [account for account in accounts.values() if account])
    for item in items:
        yield item, {*item.records, *known.get(accounts[item.key] or "", ())}


def _short(record: str) -> str:
    """Return an id in the form that is compared: the last three of Salesforce's 18 characters only repeat its case."""
    return record[:15] if len(record) == 18 and not record.isdigit() else record


def _worse(one: Outcome, other: Outcome) -> Outcome:
    failures = [outcome for outcome in (one, other) if outcome.failure is not None]
    return min(failures, key=lambda outcome: _URGENCY.index(outcome.failure or Failure.WAIT), default=SETTLED)


def _all(block: _Block, outcome: Outcome) -> Iterator[tuple[Item, Outcome]]:
    """Answer for all that is left: with the outcome, or what is known worse."""
    for each in block.pending.values():
        yield each.item, _worse(outcome, _worse(each.outcome, each.nearby))
