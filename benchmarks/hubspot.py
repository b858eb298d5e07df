"""HubSpot: the calls to read 10,000 deals of five lines, and to ask whether anything changed. Counted by the emulator.

The emulator refuses calls beyond HubSpot's own limits (190 in ten seconds, 5 searches a second), so that a pace which
is too fast shows as refusals.
"""

import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.table import Row
from connector.crm.hubspot.adapter import HubSpotCrm
from connector.crm.hubspot.settings import HubSpotSettings
from connector.offline import bundled_mapping, read_mapping
from connector.sandbox.hubspot import Association, HubSpotSandbox, Limits

DEALS, LINES, DEALS_OF_A_CUSTOMER, PRODUCTS = 10_000, 5, 3, 40
BURST, SEARCHES = 170, 4.5
_PRIMARY_COMPANY = 5

Records = dict[str, dict[str, dict[str, str]]]


def hubspot() -> Iterator[Row]:
    """Yield calls, seconds and refusals of a full read, then the calls of a poll that finds nothing."""
    records, associations = company()
    paths = read_mapping(bundled_mapping("hubspot")).paths
    with HubSpotSandbox(records=records, associations=associations, limits=Limits()) as portal:
        settings = HubSpotSettings(portal.token, base_url=portal.url, burst=BURST, searches=SEARCHES)
        crm = HubSpotCrm(settings)
        started = time.monotonic()
        changed = crm.changed(None)
        lines = sum(len(raw.revisions[0].lines) for raw in crm.fetch(changed.refs, paths))
        seconds = time.monotonic() - started
        assert (len(changed.refs), lines) == (DEALS, DEALS * LINES)
        statuses = Counter(record.status for record in portal.log)
        yield Row(f"HubSpot: read {DEALS:,} deals of {LINES} lines", len(portal.log), "calls")
        yield Row("HubSpot: the same, refused for too many calls", statuses[429], "calls")
        yield Row("HubSpot: the same, at 190 calls in ten seconds", seconds, "seconds")
        cursor = crm.changed(changed.cursor).cursor
        before = len(portal.log)
        assert not crm.changed(cursor).refs
        yield Row("HubSpot: a poll that finds nothing", len(portal.log) - before, "calls")


def company(deals: int = DEALS, of_a_customer: int = DEALS_OF_A_CUSTOMER) -> tuple[Records, list[Association]]:
    """Return the records of a portal with many deals, all won long ago, and what belongs together."""
    records: Records = {name: {} for name in ("companies", "contacts", "products", "deals", "line_items")}
    ties: list[Association] = []
    stamp = {"hs_lastmodifieddate": "2026-01-15T10:00:00.000Z"}
    for number in range(PRODUCTS):
        records["products"][str(7_000_000 + number)] = {"name": f"Product {number}", **stamp}
    for number in range(deals):
        deal, customer = str(3_000_000 + number), number // of_a_customer
        firm, person = str(2_000_000 + customer), str(1_000_000 + customer)
        records["companies"].setdefault(firm, {"name": f"Customer {customer}", "country": "US", **stamp})
        records["contacts"].setdefault(person, {"email": f"ap{customer}@example.com"})
        records["deals"][deal] = {
            "dealname": f"Deal {number}",
            "pipeline": "default",
            "dealstage": "closedwon",
            "closedate": "2026-01-10T12:00:00Z",
            "deal_currency_code": "USD",
            **stamp,
        }
        ties.append(Association("deals", deal, "companies", firm, _PRIMARY_COMPANY))
        ties.append(Association("deals", deal, "contacts", person))
        for index in range(LINES):
            line = str(8_000_000 + number * LINES + index)
            records["line_items"][line] = {
                "name": f"Line {index}",
                "hs_product_id": str(7_000_000 + (number + index) % PRODUCTS),
                "quantity": "10",
                "price": "20",
                "recurringbillingfrequency": "monthly",
                "hs_recurring_billing_period": "P12M",
                "hs_recurring_billing_start_date": "2026-02-01",
                **stamp,
            }
            ties.append(Association("deals", deal, "line_items", line))
    return records, ties
