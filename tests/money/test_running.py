"""Orders amended while their schedules run, ahead of the change: one write each, and the money of the new plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from connector.domain.issues import IssueCode
from connector.plan.operation import Update
from connector.plan.safety import Limits
from tests.money.ledger import faults
from tests.money.shapes import amended_shapes
from tests.money.world import MoneyWorld, Synced

#: Its credit would go on a phase that has begun.
REFUSED = "everything ends in mid-period"
NAMES = [case.name for case in amended_shapes() if case.name != REFUSED]
#: All begin on 1 December 2026: the first phase runs, and every amendment is still to come.
RUNNING = date(2027, 2, 10)


@dataclass(frozen=True)
class Run:
    """What became of the orders amended while they ran, after their end."""

    world: MoneyWorld
    synced: dict[str, Synced]
    left: list[str]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with MoneyWorld(amended_shapes(), limits=Limits(max_changed_share=Decimal(1))) as world:
        assert {one.result.outcome for one in world.sync_all()} == {"applied"}
        world.move_to(RUNNING)
        world.amend_all()
        synced = {one.case.name: one for one in world.sync_all()}
        left = [
            case.name
            for case, planned in world.plan_live()
            if planned.plan is None or planned.plan.operations or planned.plan.blocked
        ]
        world.run_out(synced.values())
        yield Run(world, synced, left)


@pytest.mark.parametrize("name", NAMES)
def test_the_schedule_is_written_once_and_invoiced_as_promised(run: Run, name: str):
    synced = run.synced[name]
    assert (synced.result.outcome, synced.planned.issues) == ("applied", ())
    assert faults(run.world, synced) == []
    assert synced.planned.plan is not None
    *prices, schedule = synced.planned.plan.operations
    assert isinstance(schedule, Update)
    assert len(prices) <= 1, (
        "a price of its own only where one phase holds equal terms twice, or several share new ones"
    )
    assert {price.key.kind for price in prices} <= {"price"}


def test_what_cannot_be_done_to_a_running_phase_is_refused(run: Run):
    refused = run.synced[REFUSED]
    assert (refused.result.outcome, refused.result.writes) == ("refused", 0)
    assert [issue.code for issue in refused.planned.issues] == [IssueCode.LIVE_CHANGE]


def test_nothing_is_left_to_change(run: Run):
    assert run.left == [REFUSED]
