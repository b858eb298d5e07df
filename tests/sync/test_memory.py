"""What lives as long as a run does not grow with its contracts, and no plan outlives its batch by more than one."""

import gc
import sys
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from benchmarks.emulators import Emulators, emulators
from benchmarks.made_up import MadeUpCrm
from connector import batches, sync
from connector.crm.protocol import ContractRef
from connector.desk import Desk
from connector.journal import Journal, open_journal
from connector.plan.safety import Limits
from connector.poll import sync_refs

BATCH = 5
#: What is made once is made by then: statements, connections, threads, endpoints.
WARM = 12 * BATCH
MORE = 20 * BATCH


class Seen(batches.Batches):
    """A run of small batches that can be looked at."""

    runs: ClassVar[list["Seen"]] = []

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.runs.append(self)

    def wait(self) -> None:
        """Wait until everything that was begun is carried out; what is planned next is not begun before it is told."""
        for _, coming in self._begun:
            wait(coming, timeout=60)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Seen]]:
    monkeypatch.setattr(batches, "BATCH", BATCH)
    monkeypatch.setattr(sync, "BATCH", BATCH)
    monkeypatch.setattr(sync, "Batches", Seen)
    yield Seen.runs
    Seen.runs.clear()


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
    wired = apart.desk(journal, threads=4, key=f"sk_test_{request.node.name}")
    return replace(wired, crm=MadeUpCrm(), limits=Limits(max_backdating_days=10_000))


def run(desk: Desk, count: int) -> Iterator[Any]:
    refs = (ContractRef(desk.name, str(number)) for number in range(count))
    return sync_refs(desk, refs, job="test", config_hash="")


def blocks(running: Seen) -> int:
    """Return how many blocks of memory are in use; unlike the collector this counts texts and numbers, too."""
    running.wait()
    found = -1
    for _ in range(50):  # threads let go of what they did a moment after it is done
        time.sleep(0.05)
        gc.collect()
        found, before = sys.getallocatedblocks(), found
        if found == before:
            break
    return found


def test_a_run_takes_no_more_memory_for_more_contracts(desk: Desk, small_batches: list[Seen]):
    found: list[int] = []
    for done, result in enumerate(run(desk, WARM + MORE + 2 * BATCH), start=1):
        assert result.outcome == "applied", result.error
        del result
        if done in {WARM, WARM + MORE}:
            found.append(blocks(small_batches[0]))
    assert (found[1] - found[0]) / MORE < 0.5, "a text that is kept for each contract alone would be one"


@pytest.mark.usefixtures("small_batches")
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
