"""What a closed deal leaves in a CPQ org: opportunity, quote and lines, order and lines, coupons.

The records are as the package leaves them after "Ordered" was ticked and the order activated; field names and values
follow the recorded traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.terms import json_number
from connector.sandbox.seed.customers import CUSTOMERS
from connector.sandbox.seed.order_lines import LineIds, order_line, quote_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from connector.sandbox.seed.book import Book
    from connector.sandbox.seed.catalog import Product, Tiers
    from connector.sandbox.seed.lines import Sold

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon sold with a deal, for one of its lines (counted from 1) or for the whole order."""

    name: str
    terms: Fields
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """One closed deal."""

    key: str
    customer: str
    title: str
    start: date | None
    months: int | None
    lines: Sequence[Sold]
    closed_days_ago: int
    currency: str = "USD"
    payment_terms: str = "Net 30"
    po_number: str | None = None
    status: str = "Activated"
    coupons: Sequence[Coupon] = ()

    @property
    def total(self) -> float:
        """The sum of the lines."""
        return json_number(sum((sold.total(self.currency) for sold in self.lines), start=Decimal()))


def order(book: Book, deal: Deal) -> str:
    """Add everything a deal leaves behind and return the order's id."""
    return _Closing(book, deal).run()


class _Closing:
    """One deal on its way into the book."""

    def __init__(self, book: Book, deal: Deal) -> None:
        self.book = book
        self.deal = deal
        self.account, self.contact = book.account(deal.customer, deal.currency)
        self.quoted_at = book.moment(deal.closed_days_ago, 14)
        self.ordered_at = self.quoted_at + timedelta(minutes=7)
        self.quote = ""
        self.order = ""

    def run(self) -> str:
        opportunity = self._add("Opportunity", self._opportunity(), self.quoted_at)
        self.quote = self._add("SBQQ__Quote__c", self._quote(opportunity), self.quoted_at)
        self.book.records["Opportunity"][opportunity]["SBQQ__PrimaryQuote__c"] = self.quote
        self.order = self._add("Order", self._order(opportunity), self.ordered_at)
        sold = [self._sell(line, number) for number, line in enumerate(self.deal.lines, start=1)]
        for coupon in self.deal.coupons:
            self._coupon(coupon, sold[coupon.line - 1] if coupon.line else None)
        return self.order

    def _add(self, name: str, fields: Fields, moment: datetime) -> str:
        return self.book.add(name, moment, fields, currency=self.deal.currency)

    def _opportunity(self) -> Fields:
        deal = self.deal
        return {
            "Name": f"{CUSTOMERS[deal.customer].name}: {deal.title}",
            "AccountId": self.account,
            "Pricebook2Id": self.book.price_book,
            "StageName": "Closed Won",
            "IsClosed": True,
            "IsWon": True,
            "Probability": 100.0,
            "CloseDate": (self.book.today - timedelta(deal.closed_days_ago)).isoformat(),
            "Amount": deal.total,
            "Type": "New Customer",
            "SBQQ__Ordered__c": True,
            "SBQQ__Contracted__c": False,
            "SBQQ__Renewal__c": False,
        }

    def _quote(self, opportunity: str) -> Fields:
        deal, total = self.deal, self.deal.total
        return {
            "Name": f"Q-{len(self.book.records['SBQQ__Quote__c']) + 1:05d}",
            "SBQQ__Account__c": self.account,
            "SBQQ__Opportunity2__c": opportunity,
            "SBQQ__PrimaryContact__c": self.contact,
            "SBQQ__PriceBook__c": self.book.price_book,
            "SBQQ__PricebookId__c": self.book.price_book,
            "SBQQ__Type__c": "Quote",
            "SBQQ__Status__c": "Draft",
            "SBQQ__Primary__c": True,
            "SBQQ__Ordered__c": True,
            "SBQQ__StartDate__c": deal.start.isoformat() if deal.start else None,
            "SBQQ__EndDate__c": None,
            "SBQQ__SubscriptionTerm__c": deal.months,
            "SBQQ__PaymentTerms__c": deal.payment_terms,
            "SBQQ__ContractingMethod__c": "By Subscription End Date",
            "SBQQ__BillingName__c": CUSTOMERS[deal.customer].name,
            "SBQQ__LineItemCount__c": len(deal.lines),
            "SBQQ__AdditionalDiscountAmount__c": 0.0,
            "SBQQ__NetAmount__c": total,
            "SBQQ__CustomerAmount__c": total,
            "SBQQ__RegularAmount__c": total,
        }

    def _order(self, opportunity: str) -> Fields:
        deal = self.deal
        activated = (self.ordered_at + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        return {
            "OrderNumber": f"{len(self.book.records['Order']) + 1:08d}",
            "AccountId": self.account,
            "OpportunityId": opportunity,
            "BillToContactId": self.contact,
            "Pricebook2Id": self.book.price_book,
            "EffectiveDate": (deal.start or self.book.today).isoformat(),
            "Status": deal.status,
            "StatusCode": deal.status,
            "ActivatedDate": activated if deal.status == "Activated" else None,
            "Type": "New",
            "TotalAmount": deal.total,
            "PoNumber": deal.po_number,
            "SBQQ__Quote__c": self.quote,
            "SBQQ__PaymentTerm__c": deal.payment_terms,
            "SBQQ__Contracted__c": False,
            "SBQQ__ContractingMethod__c": "By Subscription End Date",
            "SBQQ__OrderBookings__c": deal.total,
            "SBQQ__TaxAmount__c": 0.0,
            "SBQQ__PriceCalcStatus__c": "Not Needed",
        }

    def _sell(self, sold: Sold, number: int) -> tuple[str, str]:
        """Add a quote line and the order line made from it."""
        book, deal, key = self.book, self.deal, sold.product.key
        dimension = book.dimensions.get((key, sold.dimension or ""))
        ids = LineIds(book.products[key], book.entries[key, deal.currency], dimension)
        fields = quote_line(sold, ids, deal.currency, term=deal.months) | {"SBQQ__Number__c": number}
        fields |= {"SBQQ__Quote__c": self.quote, "Name": f"QL-{len(book.records['SBQQ__QuoteLine__c']) + 1:07d}"}
        quoted = self._add("SBQQ__QuoteLine__c", fields, self.ordered_at - timedelta(minutes=3))
        fields = order_line(sold, ids, deal.currency, status=deal.status)
        fields |= {"OrderId": self.order, "SBQQ__QuoteLine__c": quoted}
        fields |= {"OrderItemNumber": f"{len(book.records['OrderItem']) + 1:010d}"}
        item = self._add("OrderItem", fields, self.ordered_at)
        if sold.product.tiers:
            self._copy_tiers(sold.product, sold.product.tiers, item)
        return quoted, item

    def _copy_tiers(self, product: Product, tiers: Tiers, item: str) -> None:
        """Add the negotiated copy that each order line carries and that wins over the product's."""
        fields: Fields = {"Name": tiers.name, "SBQQ__OrderItem__c": item, "SBQQ__Type__c": tiers.kind}
        fields |= {"SBQQ__ConsumptionSchedule__c": self.book.schedules[product.key], "SBQQ__RatingMethod__c": "Tier"}
        fields |= {"SBQQ__BillingTerm__c": 1, "SBQQ__BillingTermUnit__c": "Month", "SBQQ__Category__c": "Rates"}
        schedule = self._add("SBQQ__OrderItemConsumptionSchedule__c", fields, self.ordered_at)
        for number, rate in enumerate(tiers.rates, start=1):
            row: Fields = {"SBQQ__OrderItemConsumptionSchedule__c": schedule, "Name": f"R-{number:06d}"}
            row |= {"SBQQ__LowerBound__c": rate.lower, "SBQQ__UpperBound__c": rate.upper}
            row |= {"SBQQ__Price__c": float(rate.price), "SBQQ__ProcessingOrder__c": number}
            row["SBQQ__PricingMethod__c"] = "FlatFee" if rate.flat else "PerUnit"
            self._add("SBQQ__OrderItemConsumptionRate__c", row, self.ordered_at)

    def _coupon(self, coupon: Coupon, line: tuple[str, str] | None) -> None:
        """Add a coupon sold on the quote, its tie to quote or line, and its copy on the order."""
        shared = {"Name__c": coupon.name, **coupon.terms}
        quoted = self._add("Quote_Stripe_Coupon__c", shared, self.quoted_at)
        tie = {"Quote_Stripe_Coupon__c": quoted}
        if line:
            self._add("Quote_Line_Stripe_Coupon_Association__c", tie | {"Quote_Line__c": line[0]}, self.quoted_at)
        else:
            self._add("Quote_Stripe_Coupon_Association__c", tie | {"Quote__c": self.quote}, self.quoted_at)
        target = {"Order_Item__c": line[1]} if line else {"Order__c": self.order}
        self._add("Order_Stripe_Coupon__c", shared | target | {"Quote_Stripe_Coupon_Id__c": quoted}, self.ordered_at)
