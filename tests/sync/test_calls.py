"""How many calls a contract costs, counted by the emulators. The vendor's own connector needs 26 Salesforce reads, 7
Salesforce writes and 12 Stripe calls for a three-line segmented order.
"""

import copy
from datetime import timedelta
from decimal import Decimal

from connector.crm.protocol import ContractRef
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.seed import ORDERS, seed
from tests.wiring import TODAY, World

RAMP = ORDERS["ramp"]


def test_a_new_ramp_for_a_known_customer_with_known_products_is_one_write():
    """Another three-segment order of a customer and products that are known already."""
    with World(records=_with_second_ramp()) as world:
        desk = world.desk()
        world.sync(desk, "ramp")
        before = len(world.stripe_calls())
        result = next(sync_refs(desk, [ContractRef("salesforce", _twin(RAMP))], job="test", config_hash=""))
        assert result.outcome == "applied"
        assert world.stripe_calls()[before:] == ["POST /v1/subscription_schedules"]


def test_a_new_customer_is_two_writes_plus_products_and_shared_prices(world: World):
    results = world.sync(world.desk(), "ramp")
    calls = world.stripe_calls()
    assert results[0].outcome == "applied"
    assert [c for c in calls if "products" not in c and "prices" not in c] == [
        "POST /v1/customers",
        "POST /v1/subscription_schedules",
    ]
    assert calls.count("POST /v1/products") == 3
    assert calls.count("POST /v1/prices") == 1  # the platform line has the same terms in all three phases


def test_an_amendment_of_a_running_schedule_is_one_read_and_one_write(world: World):
    """Signed two months after the start, effective a month ago, in the middle of a year that was billed."""
    desk = world.desk(limits=Limits(max_changed_share=Decimal(1)))
    world.sync(desk, "ramp")
    world.later(24 * 60)
    lines = world.salesforce.records("OrderItem").items()
    running = min(
        (row["ServiceDate"], key) for key, row in lines if row["OrderId"] == RAMP and row.get("SBQQ__SegmentKey__c")
    )
    world.salesforce.amend(RAMP, (desk.today() - timedelta(days=30)), {running[1]: 27})
    before = len(world.stripe_calls())
    (result,) = world.sync(desk, "ramp")
    calls = [call.partition(" ")[0] for call in world.stripe_calls()[before:]]
    assert (result.outcome, calls) == ("applied", ["GET", "POST"])


def test_an_unchanged_contract_costs_no_stripe_call_and_no_write(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    stripe, salesforce = len(world.stripe_calls()), len(world.salesforce_calls())
    results = world.sync(desk, "ramp")
    assert results[0].outcome == "nothing"
    assert world.stripe_calls()[stripe:] == []
    again = world.salesforce_calls()[salesforce:]
    assert len(again) <= 4
    assert not any(call.startswith("PATCH") for call in again)


def test_one_order_is_read_in_at_most_four_calls(world: World):
    desk = world.desk()
    raws = list(desk.crm.fetch([ContractRef("salesforce", RAMP)], desk.mapping.paths))
    assert len(raws) == 1
    assert len(world.salesforce_calls()) <= 4


def test_a_batch_of_200_orders_is_read_in_a_fifth_of_a_call_each():
    with World(records=_many(200)) as world:
        desk = world.desk()
        refs = [ContractRef("salesforce", _twin(RAMP, number)) for number in range(200)]
        raws = list(desk.crm.fetch(refs, desk.mapping.paths))
        assert len(raws) == 200
        assert len(world.salesforce_calls()) / 200 <= 0.2


def _twin(record_id: str, number: int = 0) -> str:
    """Return the id of a copy: the number goes where the seed's ids have zeros."""
    return f"{record_id[:5]}{number + 1:04d}{record_id[9:15]}"


def _with_second_ramp() -> dict[str, dict[str, dict[str, object]]]:
    return _many(1)


def _many(count: int) -> dict[str, dict[str, dict[str, object]]]:
    """Return the seeded company with copies of the ramp order: same account and products, everything else its own."""
    tables = seed(TODAY)
    order = tables["Order"][RAMP]
    own = {
        "Order": [RAMP],
        "OrderItem": [key for key, line in tables["OrderItem"].items() if line["OrderId"] == RAMP],
        "SBQQ__Quote__c": [order["SBQQ__Quote__c"]],
        "SBQQ__QuoteLine__c": [
            key
            for key, line in tables["SBQQ__QuoteLine__c"].items()
            if line["SBQQ__Quote__c"] == order["SBQQ__Quote__c"]
        ],
        "Opportunity": [order["OpportunityId"]],
    }
    mine = {key for keys in own.values() for key in keys}
    for number in range(count):
        for table, keys in own.items():
            for key in keys:
                fields = copy.deepcopy(tables[table][key])
                copied = {name: _twin(v, number) if v in mine else v for name, v in fields.items()}
                tables[table][_twin(key, number)] = {**copied, "Id": _twin(key, number)}
    return tables
