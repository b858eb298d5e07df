"""A run over many contracts: batches planned ahead, customers beside each other, the CRM told of a batch at once.

What is done to one contract is in `sync.py`; here is only in which order, by how many threads, and what is left in
order when a run is broken off: contracts that were begun are finished, told and recorded.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Protocol, Self

from connector.contained import result_or_not
from connector.crew import Crew, Future
from connector.crm.protocol import ContractRef
from connector.desk import Before, Desk, Each, Planned, Result, Stop
from connector.holds import Holds
from connector.journal import Lease
from connector.logs import bound
from connector.plan.extension import only_extends
from connector.plan.operation import Retire, Update
from connector.plan.safety import RunScope
from connector.record import record
from connector.shared import make_shared
from connector.tell import tell
from connector.unchanged import settled

_log = logging.getLogger(__name__)
#: What is of no interest to a reader of the log; everything else is told at info.
_LEVELS = {"nothing": logging.DEBUG, "skipped": logging.DEBUG}


@dataclass(frozen=True, slots=True)
class Batch:
    """Contracts that were planned together.

    `began` is the run's count of writes before their planning began, `shared` the journal's mark of products then.
    """

    planned: Sequence[Planned]
    scope: RunScope
    began: int
    shared: int
    made: Mapping[str, int] = field(default_factory=dict)
    """Writes for what the batch shares, by the contract they are counted with."""

    @property
    def accounts(self) -> list[str]:
        """Return the customer of every contract that is worked on: who must not be worked on by two."""
        return [one.account for one in self.planned if not one.unchanged]


#: So many contracts are planned together and told together. The CRM is read in larger portions; a planned contract
#: takes a tenth of a megabyte, and two batches are in hand.
BATCH = 100
#: What becomes of a contract, and the milliseconds it took; nothing where the run was stopped before.
Coming = Future[tuple[Result, int] | None]


class Plan(Protocol):
    """Plans contracts, several at a time by `each`."""

    def __call__(self, refs: Iterable[ContractRef], /, *, each: Each) -> Iterator[Planned]:
        """Return the contracts as far as they got."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """The moment at which a contract's turn comes: what the run does in all, and the lease of its customer.

    `touched` tells that something was written for the customer since the contract was planned.
    """

    scope: RunScope
    lease: Lease
    touched: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How a run goes: by how many threads, and until when; once `stop` is set nothing more is begun.

    It is judged together with what the runs `before` it did.
    """

    threads: int
    stop: Stop | None = None
    before: Before = field(default_factory=Before)


class Batches:
    """One run. A block around it ends with its threads, and with its customers given back."""

    def __init__(
        self,
        desk: Desk,
        run_id: int,
        plan: Plan,
        carry_out: Callable[[Planned, Turn], Result],
        way: Way,
    ) -> None:
        self._desk, self._run_id = desk, run_id
        self._plan, self._carry_out, self._stop, self._before = plan, carry_out, way.stop, way.before
        self._block = ExitStack()
        self._holds = self._block.enter_context(Holds(desk.account.journal, desk.clock))
        self._crew = self._block.enter_context(Crew(way.threads))
        self._begun: deque[tuple[Batch, list[Coming]]] = deque()
        self._closed = False
        self._counting = threading.Lock()
        self._writes = 0
        self._written: dict[str, int] = {}

    def results(self, refs: Iterable[ContractRef]) -> Generator[Result]:
        """Yield what becomes of the contracts, batch by batch in their order; a batch is worked on beside the last one.

        A failure that nobody foresaw is raised when everything that was begun is finished.
        """
        failure: Exception | None = None
        source = self._batches(refs)
        try:
            while not isinstance(batch := self._crew.soon(partial(next, source, None)).result(), Exception | None):
                try:
                    self._begin(batch)
                except Exception as error:  # noqa: BLE001 -- raised below, when what was begun is finished
                    batch = error
                    break
                if len(self._begun) > 1:  # planned only now: two batches are in memory, and never three
                    yield from self._finish()
            failure = batch
            while self._begun:
                yield from self._finish()
        except (GeneratorExit, KeyboardInterrupt):
            self._break_off()
            raise
        if failure is not None:
            raise failure

    def _batches(self, refs: Iterable[ContractRef]) -> Iterator[Batch | Exception]:
        """Yield the contracts in planned batches, and last the failure that ends them early."""
        before, count = self._before, 0
        scope = RunScope(0, len(before.changed), len(before.ended))
        known = sum(self._desk.account.journal.contract_counts(self._desk.name).values())
        try:
            stream = self._plan(refs, each=self._crew.plan)
            while not self._is_over():
                began, shared = self._writes, self._desk.account.journal.shared_mark(self._desk.name)
                planned = tuple(map(_in_short, islice(stream, BATCH)))
                if not planned:
                    return
                count += len(planned)
                scope = _grown(scope, planned, max(known, count), before)
                yield Batch(planned, scope, began, shared)
        except Exception as error:  # noqa: BLE001 -- raised by `results`, when what was begun is finished
            yield error

    def _begin(self, batch: Batch) -> None:
        planned, made = make_shared(self._desk, batch.planned, self._run_id, self._crew.each)
        batch = replace(batch, planned=planned, made=made)
        self._holds.want(self._leases(batch))
        coming = [self._coming(one, batch) for one in planned]
        self._begun.append((batch, coming))

    def _leases(self, batch: Batch) -> list[str]:
        return [f"{self._desk.name}:{account}" for account in batch.accounts]

    def _coming(self, one: Planned, batch: Batch) -> Coming:
        """Have a contract carried out when its turn comes; what is passed over needs none, and holds nobody."""
        if one.unchanged is None:
            return self._crew.carry_out(one.account, partial(self._one, one, batch))
        done = Coming()
        done.set_result((Result(one, one.unchanged, None), 0))
        return done

    def _one(self, one: Planned, batch: Batch) -> tuple[Result, int] | None:
        """Carry out one contract; return it with the milliseconds it took."""
        if self._is_over():
            return None
        started, account = time.monotonic(), one.account
        lease = self._holds.take(f"{self._desk.name}:{account}")
        if lease is None:
            return Result(one, "busy", None), 0
        touched = self._written.get(account, -1) >= batch.began
        with bound(run=self._run_id, contract=one.raw.key):
            turn = Turn(batch.scope, lease, touched)
            result = result_or_not(self._desk, one, partial(self._carry_out, one, turn))
            level = _LEVELS.get(result.outcome, logging.INFO)
            _log.log(level, "%s, %d Stripe writes", result.outcome, result.writes)
        if result.writes or result.planned.bug is not None:  # then nobody knows how far it came
            self._count_write(account)
        elif not touched:
            result = replace(result, settled=settled(self._desk, result, batch.shared))
        result = replace(result, writes=result.writes + batch.made.get(one.raw.key, 0))
        return result, round((time.monotonic() - started) * 1000)

    def _count_write(self, account: str) -> None:
        with self._counting:
            self._written[account] = self._writes
            self._writes += 1

    def _forget_writes(self) -> None:
        """Forget the writes that every batch in hand was planned after, as those to come will be."""
        with self._counting:
            oldest = self._begun[0][0].began if self._begun else self._writes
            self._written = {account: write for account, write in self._written.items() if write >= oldest}

    def _is_over(self) -> bool:
        return self._closed or (self._stop is not None and self._stop.is_set())

    def _finish(self) -> Iterator[Result]:
        """Wait for the batch that was begun first, tell the CRM of it, write its pages, and yield its results."""
        batch, coming = self._begun[0]
        failures: list[BaseException] = []
        done: list[tuple[Result, int]] = []
        for future in coming:
            error = future.exception()
            if error is not None:
                failures.append(error)
            elif one := future.result():
                done.append(one)
        try:
            held = self._holds.held(self._leases(batch))
            told = tell(self._desk, [result for result, _ in done], {key.partition(":")[2] for key in held})
            told = record(self._desk, told, self._run_id, [spent for _, spent in done])
        finally:
            self._begun.popleft()
            self._forget_writes()
            self._holds.leave(self._leases(batch))
        yield from told
        if failures:
            raise failures[0]

    def _break_off(self) -> None:
        """Begin nothing more; finish what was begun, without anybody to tell the results to."""
        self._closed = True
        while self._begun:
            for _ in self._finish():
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._block.close()


def _in_short(one: Planned) -> Planned:
    """Forget where each value came from: explanations need it, issues have it, and who plans again reads again.

    It is a third of what a planned contract takes. What cannot be read keeps it: its worth is told by it.
    """
    if one.contract is None:
        return one
    contract = replace(one.contract, origins=MappingProxyType({}))
    reading = replace(one.reading, contract=contract, trace=())
    return replace(one, reading=reading, plan=replace(one.plan, contract=contract) if one.plan else None)


def _grown(scope: RunScope, planned: Iterable[Planned], contracts: int, before: Before) -> RunScope:
    """Return what the run does in all: a run of many small batches is judged like one of a large one."""
    plans = [(one.raw.key, one.plan) for one in planned if one.plan]
    ending = {key for key, plan in plans if any(isinstance(o, Retire) for o in plan.operations)}
    changing = [(key, plan) for key, plan in plans if any(isinstance(o, Update | Retire) for o in plan.operations)]
    altering = {key for key, plan in changing if not only_extends(plan)}
    changed, ended = len(altering - before.changed), len(ending - before.ended)
    return RunScope(contracts, scope.changed + changed, scope.terminations + ended)
