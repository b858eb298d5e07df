"""Two new orders of one new customer, met in the same batch, make one customer."""

import copy

from connector.crm.protocol import ContractRef
from connector.poll import sync_refs
from connector.sandbox.seed import ORDERS, seed
from tests.wiring import TODAY, World


def test_two_new_orders_of_a_new_customer_share_it():
    tables = seed(TODAY)
    first, second = ORDERS["ramp"], ORDERS["flat"]
    account = tables["Order"][first]["AccountId"]
    tables["Order"][second] = {**copy.deepcopy(tables["Order"][second]), "AccountId": account}
    with World(records=tables) as world:
        refs = [ContractRef("salesforce", first), ContractRef("salesforce", second)]
        results = list(sync_refs(world.desk(), refs, job="test", config_hash=""))
        assert [result.outcome for result in results] == ["applied", "applied"]
        assert world.stripe_calls().count("POST /v1/customers") == 1
        customers = {
            schedule["customer"] for schedule in world.api().get("/v1/subscription_schedules", {"limit": 10})["data"]
        }
        assert len(customers) == 1
