"""A company of many ramp orders, each of a customer of its own, made of the seeded one; and the same for HubSpot."""

import copy
from datetime import date, timedelta
from typing import Any

from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.seed import ORDERS, seed

RAMP = ORDERS["ramp"]
Tables = dict[str, dict[str, dict[str, Any]]]


def ramps(today: date, count: int) -> Tables:
    """Return an org with `count` orders and nothing else: own customers, quotes and lines, shared products."""
    tables = seed(today)
    own = _own(tables)
    mine = {key for keys in own.values() for key in keys}
    made: Tables = {
        table: {} if table in own else dict(rows) for table, rows in tables.items() if not table.startswith("Stripe")
    }
    for number in range(count):
        for table, keys in own.items():
            for key in keys:
                fields = copy.copy(tables[table][key])
                copied = {name: _copied(v, number) if v in mine else v for name, v in fields.items()}
                made[table][_copied(key, number)] = {**copied, "Id": _copied(key, number)}
    for number, account in enumerate(made["Account"].values()):
        account["Name"] = f"Customer {number:03d}"
    return made


def order_id(number: int) -> str:
    """Return the id of an order; the first is 0."""
    return _copied(RAMP, number)


def sell_deals(portal: HubSpotSandbox, today: date, count: int) -> list[str]:
    """Put `count` won deals of two yearly segments into a portal; return their ids."""
    product = portal.insert("products", {"name": "Seat", "hs_sku": "SEAT"})
    start = today + timedelta(days=7)
    return [_sell(portal, product, start, number) for number in range(count)]


def _sell(portal: HubSpotSandbox, product: str, start: date, number: int) -> str:
    company = portal.insert(
        "companies",
        {"name": f"Customer {number:03d}", "hs_country_code": "US", "bsync_billing_email": f"ap{number}@c.example"},
    )
    values = {"dealname": f"Deal {number}", "dealstage": "closedwon", "pipeline": "default"}
    deal = portal.insert("deals", {**values, "closedate": f"{start}T15:00:00Z", "deal_currency_code": "USD"})
    portal.associate("deals", deal, "companies", company, 5)
    for year, quantity in enumerate((10 + number, 20 + number)):
        line = {
            "quantity": str(quantity),
            "price": "120",
            "hs_product_id": product,
            "recurringbillingfrequency": "annually",
            "hs_recurring_billing_period": "P12M",
            "hs_recurring_billing_start_date": start.replace(year=start.year + year).isoformat(),
            "name": "Seat",
        }
        portal.associate("deals", deal, "line_items", portal.insert("line_items", line))
    return deal


def _own(tables: Tables) -> dict[str, list[str]]:
    order = tables["Order"][RAMP]
    quote = order["SBQQ__Quote__c"]
    quote_lines = tables["SBQQ__QuoteLine__c"]
    return {
        "Order": [RAMP],
        "OrderItem": [key for key, line in tables["OrderItem"].items() if line["OrderId"] == RAMP],
        "SBQQ__Quote__c": [quote],
        "SBQQ__QuoteLine__c": [key for key, line in quote_lines.items() if line["SBQQ__Quote__c"] == quote],
        "Opportunity": [order["OpportunityId"]],
        "Account": [order["AccountId"]],
        "Contact": [order["BillToContactId"]],
    }


def _copied(record_id: str, number: int) -> str:
    """Return the id of a copy: the number goes where the seed's ids have zeros."""
    return f"{record_id[:5]}{number + 1:04d}{record_id[9:15]}"
