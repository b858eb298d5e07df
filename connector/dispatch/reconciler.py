"""The one task: make the contracts of accounts right. It knows nothing of the engine that calls it.

A block of accounts is one run: their contracts are read together, in the batches that the CRM likes best.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from connector.crm.protocol import ContractRef
from connector.desk import Desk, Result
from connector.dispatch.protocol import SETTLED, Failure, Item, Outcome
from connector.dispatch.submissions import account_of
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.domain.issues import IssueCode, blocking
from connector.mapping.raw import RawContract, RawRecords
from connector.poll import sync_refs

_BY_STRIPE = frozenset({IssueCode.STRIPE_REJECTED, IssueCode.CUSTOMER_CURRENCY})
_FAILURES = {
    "waiting": Failure.WAIT,
    "busy": Failure.BUSY,
    "refused": Failure.FIX_DATA,
    "pending": Failure.APPROVE,
}
#: What an account is left for when its contracts differ: what time can mend comes first, it must not be parked.
_URGENCY = (Failure.WAIT, Failure.BUSY, Failure.BUG, Failure.FIX_MAPPING, Failure.FIX_DATA, Failure.APPROVE)


@dataclass(slots=True)
class _Pending:
    """An account in hand: the records that no result was seen of yet, and what the results so far come to."""

    item: Item
    records: set[str]
    outcome: Outcome = field(default=SETTLED)
    nearby: Outcome = field(default=SETTLED)
    """Of contracts that only lead to one of the records: what counts for a record that is itself no part of one."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Call it with accounts; it answers for each as soon as the last of its contracts is done.

    Looked at are the contracts that the journal knows of an account, and the records that were hinted at. `classify`
    says what a contract's result comes to.
    """

    desks: Mapping[str, Desk]
    config_hash: str
    job: str = "work"
    classify: Callable[[Result], Outcome] = field(default_factory=lambda: outcome_of)

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
        pending = {item.key: _Pending(item, records) for item, records in _records_of(desk, items)}
        try:
            yield from self._results(desk, pending)
        except RetryableError as error:
            yield from _all(pending, Outcome(Failure.WAIT, str(error), error.after))
        except ConfigError as error:
            yield from _all(pending, Outcome(Failure.WAIT, str(error)))
        except RejectedError as error:  # the CRM refuses the question itself: a field that is not there
            yield from _all(pending, Outcome(Failure.FIX_MAPPING, str(error)))
        else:
            # A record without a result is gone, and nothing is billed for it.
            yield from ((each.item, _worse(each.outcome, each.nearby)) for each in pending.values())

    def _results(self, desk: Desk, pending: dict[tuple[str, str], _Pending]) -> Generator[tuple[Item, Outcome]]:
        """Sync the records as one run; yield accounts whose last record was seen, and drop them from `pending`."""
        refs = dict.fromkeys(ContractRef(desk.name, r) for each in pending.values() for r in sorted(each.records))
        for result in sync_refs(desk, refs, job=self.job, config_hash=self.config_hash):
            outcome, raw = self.classify(result), result.planned.raw
            own = RawRecords((raw.root, *(revision.record for revision in raw.revisions)))
            for each in tuple(pending.values()):
                seen = {record for record in each.records if _is_in(own, record, raw)}
                if not seen:
                    if any(_is_in(raw.records, record, raw) for record in each.records):
                        each.nearby = _worse(each.nearby, outcome)
                    continue
                each.records -= seen
                each.outcome = _worse(each.outcome, outcome)
                if not each.records:
                    del pending[each.item.key]
                    yield each.item, each.outcome


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


def _records_of(desk: Desk, items: Sequence[Item]) -> Iterator[tuple[Item, set[str]]]:
    accounts = {item.key: account_of(item.account) for item in items}
    known = desk.account.journal.account_records(desk.name, [account for account in accounts.values() if account])
    for item in items:
        yield item, {*item.records, *known.get(accounts[item.key] or "", ())}


def _is_in(records: RawRecords, record: str, raw: RawContract) -> bool:
    """Tell whether a record is among a contract's; ids of digits are unique only within an object."""
    name = f"{raw.root.object}/{record}" if record.isdigit() else record
    return records.get(name) is not None


def _worse(one: Outcome, other: Outcome) -> Outcome:
    failures = [outcome for outcome in (one, other) if outcome.failure is not None]
    return min(failures, key=lambda outcome: _URGENCY.index(outcome.failure or Failure.WAIT), default=SETTLED)


def _all(pending: Mapping[tuple[str, str], _Pending], outcome: Outcome) -> Iterator[tuple[Item, Outcome]]:
    yield from ((each.item, _worse(outcome, each.outcome)) for each in pending.values())
