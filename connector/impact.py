"""What a change of the mapping would do: every contract planned by the old file and by the new one, and compared.

It works on records that were read before (an archive, `crm/archive.py`) and calls nobody. Contracts are planned from
nothing, as of the day on which their schedules were made, so that the difference is the mapping's alone. What Stripe
has invoiced already is not taken back by a plan; `connector plan` shows what would really be sent.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from connector.compile.contract import compile_contract
from connector.crm.archive import read_head, read_lines
from connector.crm.protocol import ContractRef
from connector.crm.snapshot import SnapshotCrm, load_records
from connector.domain.contract import Contract
from connector.domain.errors import ConfigError, ConnectorError
from connector.domain.money import to_major
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawContract
from connector.mapping.reader import Reading, read_contract
from connector.offline import read_mapping
from connector.plan.canonical import canonical
from connector.plan.diff import diff
from connector.plan.existing import NOTHING
from connector.plan.plan import Plan, make_plan
from connector.plan.safety import Limits, contract_reasons

#: Contracts that one process works on at a time, and from how many on more than one process is worth it.
BATCH, PARALLEL_FROM = 100, 400
#: Days that no contract is old: makes a limit of days none.
_EVER = 10**6
#: Paths of a change that are named.
SHOWN = 4


@dataclass(frozen=True, slots=True)
class Effect:
    """One contract that the new file treats otherwise. Amounts are minor units, 0 for a contract that is not billed.

    `moved` is money that is billed on other days, `paths` are the first Stripe parameters that differ, `codes` the
    issues that newly keep it from being billed. `waits` says why the contract by itself would wait for approval.
    """

    ref: str
    name: str
    currency: str
    live: bool
    before: int
    after: int
    moved: int
    state: str  # changed, blocked, billable
    paths: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()

    @property
    def difference(self) -> int:
        """Return how much more is billed (negative: less)."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Money:
    """One currency's sums over the contracts that change, in minor units."""

    before: int = 0
    after: int = 0
    moved: int = 0

    def plus(self, effect: Effect) -> "Money":
        """Return the sums with one more contract."""
        return Money(self.before + effect.before, self.after + effect.after, self.moved + effect.moved)


@dataclass(frozen=True, slots=True)
class Impact:
    """The effect of a change on all contracts; `effects` are those that change, the biggest first."""

    contracts: int
    effects: tuple[Effect, ...]
    money: Mapping[str, Money]
    unreadable: tuple[str, ...] = ()
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """CRM object → paths of the new file that the snapshot did not read."""

    @property
    def states(self) -> Mapping[str, int]:
        """Return how many contracts change in which way: changed, blocked, billable; and how many of them are live."""
        counts = Counter(effect.state for effect in self.effects)
        live, waits = sum(each.live for each in self.effects), sum(bool(each.waits) for each in self.effects)
        return {**counts, "live": live, "waits": waits}


@dataclass(frozen=True, slots=True)
class Question:
    """Two mapping files, the day that counts as today, and the limits of the configuration."""

    old: Path
    new: Path
    today: date
    limits: Limits = field(default_factory=lambda: Limits(max_contract_amount={}), compare=False)


def impact(archive: Path, question: Question, *, processes: int = 1) -> Impact:
    """Compare all contracts of an archive. Raises ConfigError for files that cannot be used."""
    old, new = read_mapping(question.old), read_mapping(question.new)
    head = read_head(archive)
    for mapping in (old, new):
        if mapping.crm != head.crm:
            raise ConfigError(f"{archive}: the records are from {head.crm}, {mapping.name} is for {mapping.crm}")
    unread = {
        name: missing
        for name, paths in new.paths.items()
        if head.paths and (missing := tuple(sorted(paths - head.paths.get(name, frozenset()))))
    }
    _LOADED.clear()  # the files may have been edited since
    compared = list(_all(archive, question, head.made, processes))
    effects = [each for each in compared if isinstance(each, Effect)]
    money: dict[str, Money] = {}
    for effect in effects:
        money[effect.currency] = money.get(effect.currency, Money()).plus(effect)
    unreadable = tuple(each for each in compared if isinstance(each, str))
    return Impact(len(compared), tuple(sorted(effects, key=_rank)), dict(sorted(money.items())), unreadable, unread)


def compare(
    raw: RawContract, mappings: tuple[MappingFile, MappingFile], question: Question, made: date | None
) -> Effect | None:
    """Plan a contract by both files, the old and the new one; None when nothing differs."""
    before, after = (read_contract(raw, mapping) for mapping in mappings)
    if before.contract == after.contract and before.issues == after.issues:
        return None
    was, will = (_plan(reading, question.today, made) for reading in (before, after))
    if not _is_billed(was) and not _is_billed(will):
        return None
    paths = tuple(_differences(was, will))
    if not paths and _is_billed(was) is _is_billed(will):
        return None
    known = after.contract or before.contract
    live = made is not None or bool(known and known.stripe_id)
    billed, bills = _bills(was), _bills(will)
    return Effect(
        ref=raw.root.id,
        name=known.party.name or "" if known else "",
        currency=known.currency if known else "",
        live=live,
        before=sum(billed.values()),
        after=sum(bills.values()),
        moved=_moved(billed, bills),
        state="changed" if _is_billed(was) is _is_billed(will) else "blocked" if _is_billed(was) else "billable",
        paths=paths[:SHOWN],
        codes=_new_codes(before, will, after) if not _is_billed(will) else (),
        waits=_waits(will, question, live=live),
    )


def _waits(will: Plan | None, question: Question, *, live: bool) -> tuple[str, ...]:
    """Return why the contract would wait for approval; one that is in Stripe is not made, however long ago it began."""
    if will is None or not _is_billed(will):
        return ()
    limits = replace(question.limits, max_backdating_days=_EVER) if live else question.limits
    policies = replace(will.contract.policies, max_backdating_days=None) if live else will.contract.policies
    own = replace(will, contract=replace(will.contract, policies=policies))
    return contract_reasons(own, limits, question.today)


def _plan(reading: Reading, today: date, made: date | None) -> Plan | None:
    contract = reading.contract
    if contract is None:
        return None
    compiled = compile_contract(contract, made or _made(contract, today))
    return make_plan(contract, compiled, NOTHING, today, reading.issues)


def _made(contract: Contract, today: date) -> date:
    """Return the day to plan as of: what Stripe has was made in time, as far as we know; the rest would be today."""
    return min(contract.start, today) if contract.stripe_id else today


def _is_billed(plan: Plan | None) -> bool:
    return plan is not None and plan.desired is not None and not plan.blocked


def _bills(plan: Plan | None) -> dict[date, int]:
    found: dict[date, int] = {}
    if plan is not None and _is_billed(plan):
        for bill in plan.bills:
            if not bill.skipped:
                found[bill.day] = found.get(bill.day, 0) + bill.amount
    return found


def _moved(before: Mapping[date, int], after: Mapping[date, int]) -> int:
    """Return how much is billed on other days than before, beyond what is billed more or less in all."""
    steps = [after.get(day, 0) - before.get(day, 0) for day in {*before, *after}]
    return min(sum(step for step in steps if step > 0), -sum(step for step in steps if step < 0))


def _differences(was: Plan | None, will: Plan | None) -> Iterator[str]:
    """Yield the Stripe parameters that differ, as "customer email"; a new price shows through what refers to it."""
    before, after = _objects(was), _objects(will)
    for key in sorted({*before, *after}):
        if key in before and key in after:
            changes = [*diff(after[key], before[key]), *diff(before[key], after[key])]
            yield from dict.fromkeys(f"{key} {change.path}" for change in changes)
        else:
            yield f"{key} {'removed' if key in before else 'added'}"


def _objects(plan: Plan | None) -> dict[str, object]:
    """Return the parameters by a name that does not depend on ids: the kind, numbered where there are several."""
    found: dict[str, object] = {}
    counts: Counter[str] = Counter()
    for resource in plan.desired.resources if plan is not None and plan.desired is not None else ():
        if resource.key.kind == "price":
            continue
        counts[resource.key.kind] += 1
        number = counts[resource.key.kind]
        found[resource.key.kind if number == 1 else f"{resource.key.kind} {number}"] = canonical(resource.params)
    return found


def _new_codes(before: Reading, plan: Plan | None, after: Reading) -> tuple[str, ...]:
    known = {(issue.code, issue.record, issue.field) for issue in before.issues}
    issues = plan.issues if plan is not None else after.issues
    return tuple(dict.fromkeys(i.code.value for i in issues if i.blocks and (i.code, i.record, i.field) not in known))


def _rank(effect: Effect) -> tuple[object, ...]:
    """Rank by money in major units: first what is billed more or less, then what is billed at another time."""
    currency = effect.currency or "usd"
    return (-abs(to_major(effect.difference, currency)), -to_major(effect.moved, currency), effect.ref)


def _all(archive: Path, question: Question, made: Mapping[str, date], processes: int) -> Iterator[Effect | str | None]:
    lines = read_lines(archive)
    first = list(islice(lines, PARALLEL_FROM))
    work = partial(_batch, question, dict(made))
    if processes < 2 or len(first) < PARALLEL_FROM:
        for batch in _batches(iter([*first, *lines])):
            yield from work(batch)
        return
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=_prepare, initargs=(question,)) as pool:
        for found in pool.map(work, _batches(_chained(first, lines))):
            yield from found


def _chained(first: list[tuple[int, str]], rest: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield from first
    yield from rest


def _batches(lines: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    while batch := list(islice(lines, BATCH)):
        yield batch


_LOADED: dict[Question, tuple[MappingFile, MappingFile]] = {}


def _prepare(question: Question) -> None:
    """Make a process ready. What is loaded by now stays; looking for garbage in it took a quarter of the time."""
    _LOADED[question] = read_mapping(question.old), read_mapping(question.new)
    gc.freeze()


def _batch(question: Question, made: Mapping[str, date], lines: list[tuple[int, str]]) -> list[Effect | str | None]:
    """Compare some contracts, maybe in a process of its own; the mapping files are read once."""
    if question not in _LOADED:
        _LOADED[question] = read_mapping(question.old), read_mapping(question.new)
    old, new = _LOADED[question]
    found: list[Effect | str | None] = []
    for number, line in lines:
        try:
            file = load_records(line, source=f"line {number}")
        except ConfigError as error:
            found.append(str(error))
            continue
        crm = SnapshotCrm(file, name=file.crm)
        try:
            raws = list(crm.fetch([ContractRef(file.crm, file.root_id)], new.paths))
        except ConnectorError as error:
            found.append(f"line {number}: {error}")
            continue
        own = [raw for raw in raws if raw.root.id[:15] == file.root_id[:15]]  # a renewal has a line of its own
        found += [compare(raw, (old, new), question, made.get(raw.root.id)) for raw in own or raws]
    return found
