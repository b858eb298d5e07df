"""The journal is lost: what Stripe holds is found again, and nothing is billed twice."""

import copy
from typing import Any

import pytest

from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.poll import sync_refs
from connector.sandbox.seed import ORDERS, seed
from tests.sync.stripe_state import stripe_state
from tests.wiring import TODAY, World


@pytest.mark.parametrize("name", ["ramp", "one_time", "usage", "mixed"])
def test_a_second_journal_finds_everything(name: str):
    with World(records=_with_mixed()) as world:
        ref = ContractRef("salesforce", ORDERS["flat" if name == "mixed" else name])
        with open_journal("sqlite://", upgrade=True) as first:
            (made,) = sync_refs(world.desk(first), [ref], job="test", config_hash="")
        assert made.outcome == "applied"
        before = stripe_state(world.api())
        world.later(hours=48)
        with open_journal("sqlite://", upgrade=True) as second:
            (found,) = sync_refs(world.desk(second), [ref], job="test", config_hash="")
            (again,) = sync_refs(world.desk(second), [ref], job="test", config_hash="")
        assert (found.outcome, again.outcome) == ("nothing" if name == "mixed" else found.outcome, "nothing")
        after = stripe_state(world.api())
        for path in ("/v1/customers", "/v1/subscription_schedules", "/v1/invoices", "/v1/prices"):
            assert len(after[path]) == len(before[path]), path


def _with_mixed() -> dict[str, Any]:
    """Return the company with one line of the flat order billed yearly: two linked schedules."""
    tables = seed(TODAY)
    lines = sorted(key for key, line in tables["OrderItem"].items() if line["OrderId"] == ORDERS["flat"])
    tables["OrderItem"][lines[0]] = copy.deepcopy(tables["OrderItem"][lines[0]])
    tables["OrderItem"][lines[0]]["SBQQ__BillingFrequency__c"] = "Annual"
    return tables
