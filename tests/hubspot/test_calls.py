"""What reading costs, call by call: a thousand deals of five lines."""

from collections import Counter

import pytest

from benchmarks.hubspot import company
from tests.hubspot.world import MAPPING, HubSpotWorld

DEALS = 1000
#: What does not depend on the customers: 1,000 deals at 200 a page and one page that is empty; deals in hundreds; their
#: associations in thousands; 5,000 lines in hundreds; 40 products; the account, and who names an original deal.
FIXED = {
    "POST /objects/deals/search": 5 + 1 + 1,
    "POST /objects/deals/batch/read": 10,
    "POST /associations/deals/deals/batch/read": 1,
    "POST /associations/deals/quotes/batch/read": 1,
    "POST /associations/deals/line_items/batch/read": 1,
    "POST /associations/deals/companies/batch/read": 1,
    "POST /associations/deals/contacts/batch/read": 1,
    "POST /objects/line_items/batch/read": 50,
    "POST /objects/products/batch/read": 1,
    "GET /account-info/details": 1,
    "GET /properties/deals": 1,
}


@pytest.mark.parametrize(("of_a_customer", "parties"), [(3, 4), (1, 10)])
def test_a_thousand_deals(of_a_customer: int, parties: int) -> None:
    records, associations = company(DEALS, of_a_customer)
    with HubSpotWorld(records=records, associations=associations) as world:
        crm = world.crm()
        found = list(crm.fetch(crm.changed(None).refs, MAPPING.paths))
        assert sum(len(raw.revisions[0].lines) for raw in found) == DEALS * 5
        read = {f"POST /objects/{name}/batch/read": parties for name in ("companies", "contacts")}
        assert Counter(world.calls()) == FIXED | read


def test_products_are_read_once_for_all_batches() -> None:
    records, associations = company(300)
    with HubSpotWorld(records=records, associations=associations) as world:
        crm = world.crm(batch=100)
        assert len(list(crm.fetch(crm.changed(None).refs, MAPPING.paths))) == 300
        assert Counter(world.calls())["POST /objects/products/batch/read"] == 1
