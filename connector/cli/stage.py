"""The two stories that the demo tells: where they play, what was sold, what people see on the record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.cli.output import out
from connector.cli.playground import Playground

HERO = "ramp"


@dataclass(frozen=True, slots=True)
class Stage:
    """One CRM's story. `records` are the ids of its contracts by name; `sold` and `written` print the hero's record."""

    crm: str
    vendor: str
    opening: str
    seen: str
    records: Mapping[str, str]
    calls: Callable[[], int]
    sold: Callable[[], None]
    written: Callable[[], None]


def stage_of(crm: str, playground: Playground) -> Stage:
    """Return the story of a CRM."""
    return _salesforce(playground) if crm == "salesforce" else _hubspot(playground)


def _salesforce(playground: Playground) -> Stage:
    org, hero = playground.salesforce, playground.orders[HERO]

    def sold() -> None:
        order = org.records("Order")[hero]
        account = org.records("Account")[order["AccountId"]]
        head = f"Order {order['OrderNumber']}  {account['Name']}  {order['TotalAmount']:,.2f}  status {order['Status']}"
        out.print(head)
        lines = [line for line in org.records("OrderItem").values() if line["OrderId"] == hero]
        quote_lines, products = org.records("SBQQ__QuoteLine__c"), org.records("Product2")
        for line in sorted(lines, key=lambda line: (line["ServiceDate"], products[line["Product2Id"]]["Name"])):
            label = quote_lines[line["SBQQ__QuoteLine__c"]].get("SBQQ__SegmentLabel__c") or ""
            out.print(
                f"  {line['ServiceDate']} .. {line.get('EndDate') or '':<10}  {label:<8} "
                f"{line['Quantity']:>4g} x {products[line['Product2Id']]['Name']:<28} {line['TotalPrice']:>12,.2f}"
            )

    def written() -> None:
        _print_fields(org.records("Order")[hero], "Stripe_")

    return Stage(
        "salesforce",
        "Salesforce",
        "A sales rep activates a three-year ramp order in Salesforce CPQ",
        "What the sales rep sees on the order",
        playground.orders,
        lambda: len(org.log),
        sold,
        written,
    )


def _hubspot(playground: Playground) -> Stage:
    portal, hero = playground.hubspot, playground.deals[HERO]

    def sold() -> None:
        deal = portal.records("deals")[hero]
        company = portal.records("companies")[portal.associated("deals", hero, "companies")[0]]
        out.print(f"Deal {hero}  {company['name']}  {deal['dealname']}  stage {deal['dealstage']}")
        ids = portal.associated("deals", hero, "line_items")
        lines = [portal.records("line_items")[line] for line in ids]
        for line in sorted(lines, key=lambda line: (line.get("hs_recurring_billing_start_date", ""), line["name"])):
            start = line.get("hs_recurring_billing_start_date") or "once"
            term, every = line.get("hs_recurring_billing_period", ""), line.get("recurringbillingfrequency", "")
            out.print(
                f"  {start:<10}  {term:<5} {float(line['quantity']):>4g} x {line['name']:<28} "
                f"{float(line['price']):>10,.2f}  {every}"
            )

    def written() -> None:
        _print_fields(portal.records("deals")[hero], "bsync_")

    return Stage(
        "hubspot",
        "HubSpot",
        "A sales rep wins a three-year ramp deal in HubSpot",
        "What the sales rep sees on the deal",
        playground.deals,
        lambda: len(portal.log),
        sold,
        written,
    )


def _print_fields(record: Mapping[str, object], prefix: str) -> None:
    for name in sorted(record):
        if name.startswith(prefix) and record[name] not in {None, "", False}:
            out.print(f"  {name:<28} {record[name]}")
