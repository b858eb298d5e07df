"""The whole seeded company, three years long, on both databases: the same outcomes, invoices and words in the CRM."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

import pytest

from connector.journal import open_journal
from connector.poll import sync_changed
from tests.sync.stripe_state import stripe_state
from tests.wiring import TODAY, World

OUTCOMES = {"applied": 15, "refused": 4, "skipped": 1}


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    with World() as world:
        yield world


def company(world: World, url: str) -> dict[str, Any]:
    """Sync everything, change something, sync again, let three years pass; return what can be compared."""
    world.reset()
    world.now = datetime.combine(TODAY, time(9), UTC)
    with open_journal(url, upgrade=True) as journal:
        desk = world.desk(journal)
        runs = []
        for change in ({}, {"PoNumber": "PO-NEW"}, {"Stripe_Hold_Sync__c": True}, {}):
            if change:
                world.salesforce.update("Order", world.orders["ramp"], change)
            world.later(1)
            world.salesforce.clock.set(world.now)
            runs.append(dict(Counter(r.outcome for r in sync_changed(desk, job="sync", config_hash=""))))
        before = len(world.stripe_calls())
        world.sync(desk, *world.orders)
        calls = world.stripe_calls()[before:]
        world.later(24 * 365 * 3)
        orders = world.salesforce.records("Order").values()
        return {
            "runs": runs,
            "calls when nothing changed": [call for call in calls if call.startswith("POST")],
            "stripe": stripe_state(world.api()),
            "crm": sorted((o["Id"], o.get("Stripe_Sync_Status__c"), o.get("Stripe_Sync_Message__c")) for o in orders),
            "contracts": [(s.contract_key, s.outcome, s.next_change) for s in journal.contract_states(desk.name)],
            "operations": Counter(
                (o.kind, o.verb, o.state) for run in range(1, 6) for o in journal.run_operations(run)
            ),
            "audit": journal.verify_audit().intact,
            "open": journal.pending_intents(desk.name),
        }


@pytest.fixture(scope="module")
def on_sqlite(shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return company(shared_world, f"sqlite:///{tmp_path_factory.mktemp('company') / 'journal.db'}")


def test_the_whole_company(on_sqlite: dict[str, Any]):
    assert on_sqlite["runs"][0] == OUTCOMES
    assert on_sqlite["runs"][1]["applied"] == 1
    assert on_sqlite["runs"][2]["skipped"] == 1
    assert on_sqlite["calls when nothing changed"] == []
    assert on_sqlite["audit"]
    assert on_sqlite["open"] == ()
    assert len(on_sqlite["stripe"]["/v1/subscription_schedules"]) == 14


@pytest.mark.postgres
def test_the_whole_company_on_postgresql(shared_world: World, on_sqlite: dict[str, Any], postgres_url: str):
    assert company(shared_world, postgres_url) == on_sqlite
