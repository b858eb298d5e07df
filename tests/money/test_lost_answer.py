"""A late schedule whose answer was lost, found again on a day on which another one would be sent."""

from datetime import date, timedelta
from typing import Any

import pytest

from connector.sandbox.seed.closing import Deal
from connector.sandbox.seed.lines import ramp
from tests.money.goods import UNIT
from tests.money.ledger import faults
from tests.money.world import Case, MoneyWorld

#: Signed on 30 November: the second quarter runs, and is over the next day.
LATE, LAST_DAY = date(2026, 6, 1), date(2026, 11, 30)


def _late_ramp() -> Case:
    rows = [(10, None), (20, None), (30, None), (40, None)]
    sold = ramp(UNIT, LATE, rows, by="Quarter", frequency="Monthly")
    return Case(Deal("late", "mesa", "late", LATE, 12, sold, 1))


@pytest.mark.parametrize("days", [1, 3], ids=["the key still counts", "the key is forgotten"])
def test_it_is_not_made_twice(monkeypatch, days):
    with MoneyWorld([_late_ramp()], LAST_DAY) as world:
        journal: Any = world.desk().account.journal
        told = journal.record_result

        def killed(intent: int, stripe_id: str, *rest: Any) -> Any:
            if stripe_id.startswith("sub_sched_"):
                raise KeyboardInterrupt
            return told(intent, stripe_id, *rest)

        with monkeypatch.context() as broken:
            broken.setattr(journal, "record_result", killed)
            with pytest.raises(KeyboardInterrupt):
                world.sync_all()
        world.move_to(LAST_DAY + timedelta(days))
        if days > 1:
            for tenant in world.stripe.state.values():
                tenant.answers.clear()
        (synced,) = world.sync_all()
        assert synced.result.error is None
        assert len(world.api().get("/v1/subscription_schedules", {})["data"]) == 1
        world.run_out([synced])
        assert faults(world, synced) == []
