"""What must hold for every contract, whatever it costs."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from connector.compile.contract import compile_contract
from connector.compile.resource import Compiled
from connector.domain.contract import Contract
from connector.plan.projection import project
from tests.oracle.calendars import calendars
from tests.oracle.verdict import Place, billed


def broken(contract: Contract, chance: random.Random) -> Iterator[str]:
    """Yield the laws a contract breaks."""
    compiled = compile_contract(contract)
    if compile_contract(contract) != compiled:
        yield "compiled twice, two results"
    before = contract.start
    if _bills(contract, compiled, before) != _bills(contract, compile_contract(shuffled(contract, chance)), before):
        yield "the order of lines matters"
    for earlier in _without_last(contract):
        yield from _rewritten(earlier, contract, compiled, before)


def shuffled(contract: Contract, chance: random.Random) -> Contract:
    """Return the same contract with the lines of each order in another order."""
    revisions = tuple(
        replace(revision, lines=tuple(chance.sample(revision.lines, len(revision.lines))))
        for revision in contract.revisions
    )
    return replace(contract, revisions=revisions)


def _without_last(contract: Contract) -> Iterator[Contract]:
    if len(contract.revisions) > 1:
        yield replace(contract, revisions=contract.revisions[:-1])


def _rewritten(earlier: Contract, contract: Contract, other: Compiled, today: date) -> Iterator[str]:
    """A later order changes no bill before it. What has no later invoice goes on the last: credits when all ends."""
    one = compile_contract(earlier)
    if one.desired is None or other.desired is None:
        return
    effective = contract.revisions[-1].effective
    day = min([effective, *_last_bills(contract, effective), *_last_bills(earlier, effective)])
    old, new = _bills(earlier, one, today) or {}, _bills(contract, other, today) or {}
    over = min(_over(earlier), _over(contract))
    late = {line.ref for line in contract.lines if line.start >= over}
    for place in sorted({*old, *new}):
        if place[1] < day and place[0] not in late and old.get(place, 0) != new.get(place, 0):
            yield f"{place[0]} on {place[1]}: {old.get(place, 0)}, after an order of {effective} {new.get(place, 0)}"


def _over(contract: Contract) -> date:
    """Return the day on which nothing of a contract runs any more: what is sold later waits for whatever comes."""
    return max((dates.end for dates in calendars(contract)), default=contract.start)


def _last_bills(contract: Contract, effective: date) -> Iterator[date]:
    for dates in calendars(contract):
        if dates.end == effective:
            yield max(day for day in (dates.first, *dates.every) if day < dates.end)


def _bills(contract: Contract, compiled: Compiled, today: date) -> dict[Place, int] | None:
    return None if compiled.desired is None else billed(contract, project(compiled.desired, today))
