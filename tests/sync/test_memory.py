"""What lives as long as a run does not grow with its contracts: when a batch was told, nothing names it any more."""

import gc
import re
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.emulators import Emulators, emulators
from benchmarks.made_up import MadeUpCrm
from connector import batches, sync
from connector.crm.protocol import ContractRef
from connector.desk import Desk
from connector.journal import Journal, open_journal
from connector.plan.safety import Limits
from connector.poll import sync_refs

BATCH, THREADS = 5, 4
#: SQLAlchemy keeps the values with which each statement was made: those of the first batch, or of one more.
FIRST = BATCH
#: A thread, or a connection that waits for its next call, may hold the last thing that it did.
RECENT = 4 * BATCH
#: The number of a made-up order, which is part of the ids of all its records but its products.
NUMBER = re.compile(r"(?<!01t)8Z(\d{6})")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", BATCH)
    monkeypatch.setattr(sync, "BATCH", BATCH)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(f"sqlite:///{tmp_path / 'journal.db'}", upgrade=True) as journal:
        yield journal


@pytest.fixture(scope="module")
def apart() -> Iterator[Emulators]:
    """Serve Stripe from a process of its own: its memory is not ours."""
    with emulators(1, customers=False) as both:
        yield both


@pytest.fixture
def desk(apart: Emulators, journal: Journal, request: pytest.FixtureRequest) -> Desk:
    """Return a desk on an account of the test's own, with orders that are made up as they are asked for."""
    wired = apart.desk(journal, threads=THREADS, key=f"sk_test_{request.node.name}")
    crm = MadeUpCrm()
    crm.batch = 2 * BATCH
    return replace(wired, crm=crm, limits=Limits(max_backdating_days=10_000))


def run(desk: Desk, count: int) -> Iterator[Any]:
    refs = (ContractRef(desk.name, str(number)) for number in range(count))
    return sync_refs(desk, refs, job="test", config_hash="")


def named() -> set[int]:
    """Return the numbers of the orders that any text in memory names; texts are found by what holds them."""
    found: set[int] = set()
    seen: set[int] = set()
    left: list[Any] = [gc.get_objects()]
    while left:
        one = left.pop()
        keys = tuple(one) if isinstance(one, dict) else ()  # which the collector does not tell of
        for held in (*gc.get_referents(one), *keys):
            if type(held) in {str, bytes}:
                text = held if type(held) is str else held.decode(errors="replace")
                found.update(int(number) for number in NUMBER.findall(text))
            elif id(held) not in seen and (gc.is_tracked(held) or type(held) in {dict, tuple}):
                seen.add(id(held))  # the collector does not track a dict or a tuple of texts alone
                left.append(held)
    return found


def test_nothing_names_contracts_whose_batch_was_told(desk: Desk):
    count = 20 * BATCH
    for done, result in enumerate(run(desk, count), start=1):
        assert result.outcome == "applied", result.error
        del result
        if done == count - 4 * BATCH:
            gc.collect()
            old = {number for number in named() if FIRST <= number < done - RECENT}
    assert len(old) <= BATCH, f"{sorted(old)} are done, and something names them"
    assert done == count


def test_no_plan_outlives_its_batch_by_more_than_one(desk: Desk):
    plans: list[weakref.ref[Any]] = []
    for done, result in enumerate(run(desk, 6 * BATCH), start=1):
        plans.append(weakref.ref(result.planned.plan))
        del result
        if done % BATCH == 0:
            gc.collect()
            assert not [number for number, plan in enumerate(plans[:-BATCH]) if plan() is not None]
    assert len(plans) == 6 * BATCH


def test_what_is_planned_forgets_where_each_value_came_from(desk: Desk):
    (result,) = run(desk, 1)
    one = result.planned
    assert (dict(one.contract.origins), one.reading.trace) == ({}, ())
    assert one.plan.contract is one.contract, "it is held once"
