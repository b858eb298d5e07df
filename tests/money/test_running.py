"""Orders amended while their schedules run, ahead of the change or long after: one write, and the money to the cent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from connector.plan.operation import End, Update
from connector.plan.safety import Limits
from tests.money.ledger import faults
from tests.money.shapes import amended_shapes
from tests.money.world import MoneyWorld, Synced

NAMES = [case.name for case in amended_shapes()]
#: All begin on 1 December 2026. When the amendments are heard of: ahead of all of them, amid, and after most.
HEARD = (date(2027, 2, 10), date(2027, 6, 15), date(2027, 12, 1), date(2028, 4, 5))


@dataclass(frozen=True)
class Run:
    """What became of the orders amended while they ran, after their end."""

    world: MoneyWorld
    synced: dict[str, Synced]
    left: list[str]


@pytest.fixture(scope="module", params=HEARD, ids=str)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with MoneyWorld(amended_shapes(), limits=Limits(max_changed_share=Decimal(1))) as world:
        assert {one.result.outcome for one in world.sync_all()} == {"applied"}
        world.move_to(request.param)
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
    schedules = [one for one in synced.planned.plan.operations if one.key.kind == "subscription_schedule"]
    assert len(schedules) == 1
    assert isinstance(schedules[0], Update | End)
    others = {one.key.kind for one in synced.planned.plan.operations} - {"subscription_schedule", "price"}
    assert others <= {"balance_credit"} or others == {"invoice", "invoice_lines", "invoice_finalization"}


def test_nothing_is_left_to_change(run: Run):
    assert run.left == []
