"""A sale written down as HubSpot's convention does: a won deal and its line items, and a deal for each change."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from connector.domain.period import add_months
from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.seed.customers import CUSTOMERS
from tests.scenarios.shared.sales import ONCE, Change, Ended, Item, More, Product, Quantities, Renewed, Sale

FREQUENCIES = {1: "monthly", 3: "quarterly", 6: "per_six_months", 12: "annually"}
_ADDRESS = CUSTOMERS["everbright"]


class InHubSpot:
    """One sale in a portal."""

    def __init__(self, sale: Sale, portal: HubSpotSandbox, amends: int, *, restates: bool = False) -> None:
        """`amends` is the type of the association from a change to the deal that it changes.

        With `restates` a change of quantities lists everything as it is to be, else only what changes.
        """
        self.sale = sale
        self.portal = portal
        self.amends = amends
        self.restates = restates
        self.held = {item.key: Decimal(item.quantity) for item in sale.items}
        self.now = [Decimal(item.quantity) for item in sale.items]
        self.products = {item.product.key: self._product(item.product) for item in sale.every_item() if item.product}
        self.company = self._company()
        start = {"bsync_contract_start_date": sale.start.isoformat()} if sale.start else {}
        self.deal = self._deal(sale.name, **start)
        self.deals = [self.deal]
        for item in sale.items:
            self._line(self.deal, item)

    def write(self, change: Change) -> str:
        """Put a change into the portal; return the id of its deal."""
        made = self._write(change)
        self.portal.associate("deals", made, "deals", self.deal, self.amends)
        self.deals.append(made)
        return made

    def _write(self, change: Change) -> str:
        match change:
            case Quantities() if self.restates:
                made = self._restated(change)
            case Quantities():
                made = self._deal("Change", bsync_action="amend", bsync_effective_date=change.on.isoformat())
                for key, quantity in change.new.items():
                    self._altered(made, key, Decimal(quantity), change.on)
            case More():
                made = self._deal("Add-on", bsync_effective_date=change.on.isoformat())
                for item in change.items:
                    self._line(made, item)
            case Ended():
                said = (change.said or change.on).isoformat()
                made = self._deal(
                    "End", bsync_action="terminate", bsync_effective_date=said, bsync_termination_mode=change.mode
                )
            case Renewed():
                made = self._renewal(change)
        return made

    def _altered(self, deal: str, key: str, quantity: Decimal, on: date) -> None:
        """Add what is more of it; say the new quantity of what is less, or of a ramp; remove what is to be nothing."""
        items = [each for each in self.sale.items if each.key == key]
        more = quantity - self.held[key]
        adds = more > 0 and len(items) == 1
        change = {} if adds else {"bsync_change": "update" if quantity else "remove"}
        for item in items:
            if item.end is None or item.end > on:
                told = more if adds else quantity or self.held[key]
                self._line(deal, item, quantity=told, start=max(item.start, on), end=item.end, **change)
        self.held[key] = quantity

    def _restated(self, change: Quantities) -> str:
        on = change.on.isoformat()
        made = self._deal("Change", bsync_effective_date=on, bsync_amendment_mode="restate")
        for number, item in enumerate(self.sale.items):
            if item.key in change.new and (item.end is None or item.end > change.on):
                self.now[number] = self.held[item.key] = Decimal(change.new[item.key])
            if self.now[number]:
                self._line(made, item, quantity=self.now[number])
        return made

    def _renewal(self, change: Renewed) -> str:
        ends = [end for item in self.sale.items if (end := item.end) is not None]
        last_day = max(ends)
        start = change.starts or last_day
        deal = self._deal("Renewal", bsync_action="renew", bsync_contract_start_date=start.isoformat())
        raised = 1 + Decimal(change.uplift) / 100
        last = {item.key: item for item in self.sale.items if item.end == last_day}
        for item in last.values():
            price = (item.listed or Decimal(0)) * raised
            self._line(
                deal,
                item,
                quantity=self.held[item.key],
                start=start,
                end=add_months(last_day, change.months),
                price=f"{price:f}",
            )
        return deal

    def _deal(self, name: str, **values: Any) -> str:
        sale = self.sale
        known = {
            "dealname": name,
            "pipeline": "default",
            "dealstage": "closedwon" if sale.won else "contractsent",
            "closedate": "2026-11-20T15:00:00Z",
            **({"deal_currency_code": sale.currency} if sale.currency else {}),
        }
        made = self.portal.insert("deals", {**known, **values})
        if self.company:
            self.portal.associate("deals", made, "companies", self.company, 5)
        return made

    def _line(
        self,
        deal: str,
        item: Item,
        *,
        quantity: Decimal | None = None,
        start: date | None = None,
        end: date | None = None,
        price: str | None = None,
        **more: str,
    ) -> None:
        product = item.product
        every = product.every if product else 12
        values: dict[str, Any] = {
            "quantity": f"{quantity if quantity is not None else Decimal(item.quantity):f}",
            "bsync_line_key": item.key,
            "hs_recurring_billing_start_date": (start or item.start).isoformat(),
            **_priced(item, price),
            **({"name": product.key.title(), "hs_product_id": self.products[product.key]} if product else {}),
            **({"hs_line_item_currency_code": item.currency} if item.currency else {}),
            **({"bsync_segment_label": item.label} if item.label else {}),
            **({"bsync_usage": "true"} if product and product.metered else {}),
            **more,
        }
        if every != ONCE:
            values["recurringbillingfrequency"] = "weekly" if item.weekly else FREQUENCIES[every]
            if end is not None or item.ends is not None:
                values["bsync_end_date"] = (end or item.ends or item.start).isoformat()
            elif item.months is not None:
                values["hs_recurring_billing_period"] = f"P{item.months}M"
        line = self.portal.insert("line_items", values)
        self.portal.associate("deals", deal, "line_items", line)

    def _product(self, product: Product) -> str:
        values = {"name": product.key.title(), "hs_sku": product.key.upper(), "description": f"{product.key} for tests"}
        return self.portal.insert("products", values)

    def _company(self) -> str | None:
        if self.sale.customer is None:
            return None
        values = {
            "name": self.sale.customer.name,
            "bsync_billing_email": self.sale.customer.email,
            "address": _ADDRESS.street,
            "city": _ADDRESS.city,
            "state": _ADDRESS.state,
            "zip": _ADDRESS.postal_code,
            "country": _ADDRESS.country,
        }
        return self.portal.insert("companies", {name: value for name, value in values.items() if value})


def _priced(item: Item, price: str | None) -> dict[str, str]:
    product = item.product
    if product and product.tiers:
        lowers = [0, *(up_to + 1 for up_to, _ in product.tiers if up_to is not None)]
        ranges = [
            {"start": lower, **({"end": up_to} if up_to is not None else {})}
            for lower, (up_to, _) in zip(lowers, product.tiers, strict=True)
        ]
        prices = [{"index": index, "price": float(each)} for index, (_, each) in enumerate(product.tiers)]
        return {
            "hs_pricing_model": "graduated",
            "hs_tier_ranges": json.dumps(ranges),
            "hs_tier_prices": json.dumps(prices),
        }
    listed = price if price is not None else None if item.listed is None else f"{item.listed:f}"
    return {
        **({"price": listed} if listed is not None else {}),
        **({"hs_discount_percentage": item.percent} if item.percent != "0" else {}),
        **({"discount": item.off} if item.off != "0" else {}),
    }
