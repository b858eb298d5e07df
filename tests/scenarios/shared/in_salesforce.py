"""A sale written down as Salesforce CPQ does: order, lines, amendment orders with signed quantities, renewal orders."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import catalog
from connector.sandbox.seed.book import Book
from connector.sandbox.seed.closing import Deal, order
from connector.sandbox.seed.lines import Sold
from connector.sandbox.seed.order_lines import LineIds, order_line, quote_line
from tests.scenarios.shared.sales import ONCE, Change, Ended, Item, More, Product, Quantities, Renewed, Sale

FREQUENCIES = {1: "Monthly", 3: "Quarterly", 6: "Semiannual", 12: "Annual"}
_CUSTOMER = "everbright"
_ONE_DAY = timedelta(1)


class InSalesforce:
    """One sale in an org."""

    def __init__(self, sale: Sale, today: date) -> None:
        self.sale = sale
        book = Book(today)
        book.stock()
        self.products = {item.product.key: _product(item.product) for item in sale.every_item() if item.product}
        for product in self.products.values():
            book._stock_one(product, book.moment(200, 9))
        self.book = book
        sold = [self._sold(item) for item in sale.items]
        term = sale.months if sale.months or not sale.endless else 1  # what the price of an endless line is for
        deal = Deal("shared", _CUSTOMER, sale.name, sale.start, term, sold, 1, currency=sale.currency or "USD")
        self.order = order(book, replace(deal, status="Activated" if sale.won else "Draft"))
        self.lines = [key for key, row in book.records["OrderItem"].items() if row["OrderId"] == self.order]
        self.orders = [self.order]
        self._people()
        for key, item in zip(self.lines, sale.items, strict=True):
            self._spoil(book.records["OrderItem"][key], item)

    def records(self) -> dict[str, Any]:
        """Return the org's records before any change."""
        return {name: dict(rows) for name, rows in self.book.records.items()}

    def arrived(self, org: SalesforceSandbox) -> None:
        """Empty what no record may come into the org without."""
        if self.sale.currency is None:
            org.app.store.schema.multi_currency = False

    def write(self, org: SalesforceSandbox, change: Change) -> str:
        """Put a change into the org; return the id of its order."""
        made = self._write(org, change)
        self.orders.append(made)
        return made

    def _write(self, org: SalesforceSandbox, change: Change) -> str:
        match change:
            case Quantities():
                return org.amend(self.order, change.on, dict(self._quantities(org, change)))
            case Ended():
                return org.terminate(self.order, change.on)
            case Renewed():
                made = org.renew(self.order, months=change.months, uplift=change.uplift)
                if change.starts:
                    self._starts(org, made, change.starts)
                return made
            case More():
                return self._more(org, change)

    def _starts(self, org: SalesforceSandbox, order_id: str, day: date) -> None:
        """Let an order and its lines begin on another day than CPQ proposes."""
        quote = org.records("Order")[order_id]["SBQQ__Quote__c"]
        org.update("Order", order_id, {"EffectiveDate": day.isoformat()})
        org.update("SBQQ__Quote__c", quote, {"SBQQ__StartDate__c": day.isoformat()})
        for key, row in org.records("OrderItem").items():
            if row["OrderId"] == order_id:
                org.update("OrderItem", key, {"ServiceDate": day.isoformat()})

    def _quantities(self, org: SalesforceSandbox, change: Quantities) -> Iterator[tuple[str, str]]:
        """Yield the lines of what changes that are not over; a ramp's later segments change alike."""
        rows = org.records("OrderItem")
        for key, item in zip(self.lines, self.sale.items, strict=True):
            last = rows[key].get("EndDate")
            if item.key in change.new and (last is None or last >= change.on.isoformat()):
                yield key, change.new[item.key]

    def _more(self, org: SalesforceSandbox, change: More) -> str:
        made = org.amend(self.order, change.on, {})
        quote = org.records("Order")[made]["SBQQ__Quote__c"]
        currency = self.sale.currency or "USD"
        for item in change.items:
            sold = self._sold(item)
            ids = LineIds(self.book.products[sold.product.key], self.book.entries[sold.product.key, currency], None)
            own = {"CurrencyIsoCode": currency}
            quoted = org.insert(
                "SBQQ__QuoteLine__c",
                {**quote_line(sold, ids, currency, term=item.months), **own, "SBQQ__Quote__c": quote},
            )
            line = order_line(sold, ids, currency, status="Activated")
            org.insert("OrderItem", {**line, **own, "OrderId": made, "SBQQ__QuoteLine__c": quoted})
        return made

    def _sold(self, item: Item) -> Sold:
        product = self.products[item.product.key] if item.product else catalog.PRODUCTS["platform"]
        once, end = product.term is None, item.end
        net = item.net
        sold = Sold(
            product,
            Decimal(item.quantity),
            item.start,
            None if once or end is None else end - _ONE_DAY,
            None if once else item.months or (product.term if end is None else None),
            None if net is None else net,
            evergreen=not once and end is None,
        )
        ramp = [each for each in self.sale.items if each.key == item.key]
        if len(ramp) < 2 or item not in ramp:
            return sold
        index = ramp.index(item) + 1
        years = all(each.months == 12 for each in ramp)
        by = "Year" if years else "Custom"
        return replace(
            sold, dimension=by, segment=index, label=item.label or f"{by} {index}", key=f"176{len(ramp)}{item.key}"
        )

    def _people(self) -> None:
        records, order_row = self.book.records, self.book.records["Order"][self.order]
        account = records["Account"][order_row["AccountId"]]
        account["Tax_Id__c"] = None
        contact = records["Contact"][order_row["BillToContactId"]]
        if self.sale.customer is None:
            order_row["AccountId"] = None
            return
        account |= {name: None for name in account if name.startswith("Shipping")}
        account["Name"] = self.sale.customer.name
        contact["Email"] = self.sale.customer.email

    def _spoil(self, row: dict[str, Any], item: Item) -> None:
        """Write what a careful writer would not."""
        if item.listed is None:
            row |= dict.fromkeys(("UnitPrice", "TotalPrice", "SBQQ__QuotedListPrice__c", "ListPrice"))
        if item.product is None:
            row |= dict.fromkeys(("Product2Id", "PricebookEntryId"))
        if item.currency:
            row["CurrencyIsoCode"] = item.currency
        if item.weekly:
            row["SBQQ__BillingFrequency__c"] = "Weekly"


def _product(product: Product) -> catalog.Product:
    once = product.every == ONCE
    frequency = None if once else FREQUENCIES[product.every]
    price = Decimal(product.price or "0")
    prices = dict.fromkeys(("USD", "EUR", "JPY", "GBP"), price)
    return catalog.Product(
        f"shared-{product.key}",
        product.key.title(),
        product.key.upper(),
        f"{product.key} for tests",
        prices,
        term=None if once else product.every,
        frequency=frequency,
        metered=product.metered,
        tiers=_tiers(product),
        dimensions=() if once else ("Year", "Custom"),
    )


def _tiers(product: Product) -> catalog.Tiers | None:
    """Return a consumption schedule: its bounds touch, so that one ends where the next begins."""
    if not product.tiers:
        return None
    rates, lower = [], 1
    for up_to, price in product.tiers:
        upper = None if up_to is None else up_to + 1
        rates.append(catalog.Rate(lower, upper, price))
        lower = upper or lower
    return catalog.Tiers(product.key, "Slab", tuple(rates))
