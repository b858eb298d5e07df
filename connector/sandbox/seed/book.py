"""Turns customers, products and what was sold into the full set of CPQ records, ids and stamps included.

Each order comes with the opportunity, quote and quote lines it was made from, as the package leaves them after
"Ordered" was ticked; field names and values follow the recorded traffic.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.ids import make_id
from connector.sandbox.seed.catalog import PRODUCTS
from connector.sandbox.seed.customers import CUSTOMERS
from connector.sandbox.seed.order_lines import order_line, product_fields, quote_line
from connector.sandbox.seed.terms import json_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.sandbox.seed.catalog import Product, Tiers
    from connector.sandbox.seed.lines import Sold

Fields = dict[str, Any]
PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Opportunity": "006",
    "Order": "801",
    "OrderItem": "802",
    "Product2": "01t",
    "Pricebook2": "01s",
    "PricebookEntry": "01u",
    "ConsumptionSchedule": "0Mh",
    "ConsumptionRate": "0Mo",
    "ProductConsumptionSchedule": "0Mq",
    "SBQQ__Quote__c": "a0z",
    "SBQQ__QuoteLine__c": "a0v",
    "SBQQ__Dimension__c": "a0D",
    "SBQQ__OrderItemConsumptionSchedule__c": "a0Z",
    "SBQQ__OrderItemConsumptionRate__c": "a0Y",
    "Quote_Stripe_Coupon__c": "a1R",
    "Order_Stripe_Coupon__c": "a1N",
    "Quote_Stripe_Coupon_Association__c": "a1Q",
    "Quote_Line_Stripe_Coupon_Association__c": "a1P",
}


@dataclass(frozen=True, slots=True)
class Deal:
    """One closed deal; ``coupons`` are (name, fields, line number or None for the whole order)."""

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
    coupons: Sequence[tuple[str, Fields, int | None]] = ()


@dataclass(slots=True)
class Book:
    """Collects the records."""

    today: date
    records: dict[str, dict[str, Fields]] = field(default_factory=lambda: defaultdict(dict))
    numbers: dict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(lambda: count(1)))
    products: dict[str, str] = field(default_factory=dict)
    entries: dict[tuple[str, str], str] = field(default_factory=dict)
    dimensions: dict[tuple[str, str], str] = field(default_factory=dict)
    schedules: dict[str, str] = field(default_factory=dict)
    accounts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    price_book: str = ""

    def add(self, name: str, moment: datetime, fields: Fields, *, currency: str | None = None) -> str:
        """Add a record saved at a moment and return its id."""
        record_id = make_id(PREFIXES[name], next(self.numbers[name]))
        stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        audit = {"CreatedDate": stamp, "LastModifiedDate": stamp, "SystemModstamp": stamp}
        own = {"CurrencyIsoCode": currency} if currency else {}
        self.records[name][record_id] = {"Id": record_id, **fields, **own, **audit, "IsDeleted": False}
        return record_id

    # --- catalogue -------------------------------------------------------------------------------------

    def stock(self) -> None:
        """Products, prices in every currency they are sold in, dimensions and consumption schedules."""
        moment = self._moment(200, 9)
        fields = {"Name": "Standard Price Book", "IsActive": True, "IsStandard": True}
        self.price_book = self.add("Pricebook2", moment, fields, currency="USD")
        for product in PRODUCTS.values():
            self._stock_one(product, moment)

    def _stock_one(self, product: Product, moment: datetime) -> None:
        product_id = self.add("Product2", moment, product_fields(product), currency="USD")
        self.products[product.key] = product_id
        for currency, price in product.prices.items():
            fields: Fields = {"Product2Id": product_id, "Pricebook2Id": self.price_book, "UnitPrice": json_number(price)}
            fields |= {"IsActive": True, "UseStandardPrice": False, "Name": product.name, "ProductCode": product.code}
            self.entries[product.key, currency] = self.add("PricebookEntry", moment, fields, currency=currency)
        for kind in product.dimensions:
            fields = {"Name": kind, "SBQQ__Product__c": product_id, "SBQQ__Type__c": kind}
            self.dimensions[product.key, kind] = self.add("SBQQ__Dimension__c", moment, fields, currency="USD")
        if product.tiers:
            self._stock_tiers(product, product.tiers, moment)

    def _stock_tiers(self, product: Product, tiers: Tiers, moment: datetime) -> None:
        fields: Fields = {"Name": tiers.name, "Type": tiers.kind, "RatingMethod": "Tier", "IsActive": True}
        fields |= {"BillingTerm": 1, "BillingTermUnit": "Month", "SBQQ__Category__c": "Rates"}
        fields |= {"UnitOfMeasure": tiers.unit, "NumberOfRates": len(tiers.rates)}
        schedule = self.add("ConsumptionSchedule", moment, fields)
        self.schedules[product.key] = schedule
        link = {"ProductId": self.products[product.key], "ConsumptionScheduleId": schedule}
        self.add("ProductConsumptionSchedule", moment, link)
        for order, rate in enumerate(tiers.rates, start=1):
            row: Fields = {"ConsumptionScheduleId": schedule, "ProcessingOrder": order, "Name": f"R-{order:06d}"}
            row |= {"LowerBound": rate.lower, "UpperBound": rate.upper, "Price": float(rate.price)}
            self.add("ConsumptionRate", moment, row | {"PricingMethod": "FlatFee" if rate.flat else "PerUnit"})

    # --- customers -------------------------------------------------------------------------------------

    def account(self, key: str, currency: str) -> tuple[str, str]:
        """The account and bill-to contact of a customer, added when first needed."""
        if (key, currency) not in self.accounts:
            customer, moment = CUSTOMERS[key], self._moment(120, 11)
            address = {
                "Street": customer.street,
                "City": customer.city,
                "State": customer.state,
                "PostalCode": customer.postal_code,
                "Country": customer.country,
            }
            fields: Fields = {"Name": customer.name, "Type": "Customer", "Tax_Id__c": customer.tax_id}
            fields |= {f"{kind}{part}": value for kind in ("Billing", "Shipping") for part, value in address.items()}
            fields |= {"SBQQ__RenewalModel__c": "Contract Based", "SBQQ__RenewalPricingMethod__c": "Same"}
            fields |= {"SBQQ__TaxExempt__c": "No", "SBQQ__ContractCoTermination__c": "Never"}
            account = self.add("Account", moment, fields, currency=currency)
            person: Fields = {"AccountId": account, "FirstName": customer.first_name, "LastName": customer.last_name}
            person |= {"Name": f"{customer.first_name} {customer.last_name}", "Email": customer.email}
            contact = self.add("Contact", moment, person | {"Title": customer.title}, currency=currency)
            self.accounts[key, currency] = (account, contact)
        return self.accounts[key, currency]

    # --- deals -----------------------------------------------------------------------------------------

    def order(self, deal: Deal) -> str:
        """Everything a closed deal leaves behind; returns the order's id."""
        account, contact = self.account(deal.customer, deal.currency)
        moment = self._moment(deal.closed_days_ago, 14)
        total = json_number(sum((sold.total(deal.currency) for sold in deal.lines), start=Decimal()))
        opportunity = self.add("Opportunity", moment, self._opportunity(deal, account, total), currency=deal.currency)
        quote = self.add(
            "SBQQ__Quote__c", moment, self._quote(deal, account, contact, opportunity, total), currency=deal.currency
        )
        self.records["Opportunity"][opportunity]["SBQQ__PrimaryQuote__c"] = quote
        later = moment + timedelta(minutes=7)
        fields = self._order(deal, account, contact, total, later)
        fields |= {"OpportunityId": opportunity, "SBQQ__Quote__c": quote}
        order = self.add("Order", later, fields, currency=deal.currency)
        items = [self._sell(deal, sold, number, quote, order, later) for number, sold in enumerate(deal.lines, start=1)]
        for name, terms, number in deal.coupons:
            self._coupon(deal, (name, terms), quote, order, items[number - 1] if number else None, later)
        return order

    def _opportunity(self, deal: Deal, account: str, total: float) -> Fields:
        closed = (self.today - timedelta(deal.closed_days_ago)).isoformat()
        return {
            "Name": f"{CUSTOMERS[deal.customer].name}: {deal.title}",
            "AccountId": account,
            "Pricebook2Id": self.price_book,
            "StageName": "Closed Won",
            "IsClosed": True,
            "IsWon": True,
            "Probability": 100.0,
            "CloseDate": closed,
            "Amount": total,
            "Type": "New Customer",
            "SBQQ__Ordered__c": True,
            "SBQQ__Contracted__c": False,
            "SBQQ__Renewal__c": False,
        }

    def _quote(self, deal: Deal, account: str, contact: str, opportunity: str, total: float) -> Fields:
        number = len(self.records["SBQQ__Quote__c"]) + 1
        amounts = dict.fromkeys(("SBQQ__NetAmount__c", "SBQQ__CustomerAmount__c", "SBQQ__RegularAmount__c"), total)
        return {
            "Name": f"Q-{number:05d}",
            "SBQQ__Account__c": account,
            "SBQQ__Opportunity2__c": opportunity,
            "SBQQ__PrimaryContact__c": contact,
            "SBQQ__PriceBook__c": self.price_book,
            "SBQQ__PricebookId__c": self.price_book,
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
            **amounts,
        }

    def _order(self, deal: Deal, account: str, contact: str, total: float, moment: datetime) -> Fields:
        active = deal.status == "Activated"
        effective = deal.start or self.today
        stamp = (moment + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        number = len(self.records["Order"]) + 1
        return {
            "OrderNumber": f"{number:08d}",
            "AccountId": account,
            "BillToContactId": contact,
            "Pricebook2Id": self.price_book,
            "EffectiveDate": effective.isoformat(),
            "Status": deal.status,
            "StatusCode": deal.status,
            "ActivatedDate": stamp if active else None,
            "Type": "New",
            "TotalAmount": total,
            "PoNumber": deal.po_number,
            "SBQQ__PaymentTerm__c": deal.payment_terms,
            "SBQQ__Contracted__c": False,
            "SBQQ__ContractingMethod__c": "By Subscription End Date",
            "SBQQ__OrderBookings__c": total,
            "SBQQ__TaxAmount__c": 0.0,
            "SBQQ__PriceCalcStatus__c": "Not Needed",
        }

    def _sell(
        self, deal: Deal, sold: Sold, number: int, quote: str, order: str, moment: datetime
    ) -> tuple[str, str]:
        key, currency = sold.product.key, deal.currency
        shared = (self.products[key], self.entries[key, currency])
        dimension = self.dimensions.get((key, sold.dimension or ""))
        fields = quote_line(sold, number, currency, deal.months, shared, dimension) | {"SBQQ__Quote__c": quote}
        quoted = self.add("SBQQ__QuoteLine__c", moment - timedelta(minutes=3), fields, currency=currency)
        fields = order_line(sold, currency, deal.status, shared, dimension) | {"OrderId": order, "SBQQ__QuoteLine__c": quoted}
        fields["OrderItemNumber"] = f"{len(self.records['OrderItem']) + 1:010d}"
        item = self.add("OrderItem", moment, fields, currency=currency)
        if sold.product.tiers:
            self._copy_tiers(sold.product, sold.product.tiers, item, moment)
        return quoted, item

    def _copy_tiers(self, product: Product, tiers: Tiers, item: str, moment: datetime) -> None:
        """The negotiated copy that each order line carries and that wins over the product's."""
        fields: Fields = {"Name": tiers.name, "SBQQ__OrderItem__c": item, "SBQQ__Type__c": tiers.kind}
        fields |= {"SBQQ__ConsumptionSchedule__c": self.schedules[product.key], "SBQQ__RatingMethod__c": "Tier"}
        fields |= {"SBQQ__BillingTerm__c": 1, "SBQQ__BillingTermUnit__c": "Month", "SBQQ__Category__c": "Rates"}
        schedule = self.add("SBQQ__OrderItemConsumptionSchedule__c", moment, fields)
        for order, rate in enumerate(tiers.rates, start=1):
            row: Fields = {"SBQQ__OrderItemConsumptionSchedule__c": schedule, "Name": f"R-{order:06d}"}
            row |= {"SBQQ__LowerBound__c": rate.lower, "SBQQ__UpperBound__c": rate.upper}
            row |= {"SBQQ__Price__c": float(rate.price), "SBQQ__ProcessingOrder__c": order}
            row["SBQQ__PricingMethod__c"] = "FlatFee" if rate.flat else "PerUnit"
            self.add("SBQQ__OrderItemConsumptionRate__c", moment, row)

    def _coupon(
        self,
        deal: Deal,
        coupon: tuple[str, Fields],
        quote: str,
        order: str,
        line: tuple[str, str] | None,
        moment: datetime,
    ) -> None:
        """A coupon sold on the quote, tied to quote or line, and its copy on the order."""
        name, terms = coupon
        shared = {"Name__c": name, **terms}
        quoted = self.add("Quote_Stripe_Coupon__c", moment, shared, currency=deal.currency)
        tie = {"Quote_Stripe_Coupon__c": quoted}
        if line:
            self.add("Quote_Line_Stripe_Coupon_Association__c", moment, tie | {"Quote_Line__c": line[0]})
        else:
            self.add("Quote_Stripe_Coupon_Association__c", moment, tie | {"Quote__c": quote})
        target = {"Order_Item__c": line[1]} if line else {"Order__c": order}
        copy = shared | target | {"Quote_Stripe_Coupon_Id__c": quoted}
        self.add("Order_Stripe_Coupon__c", moment, copy, currency=deal.currency)

    def _moment(self, days_ago: int, hour: int) -> datetime:
        return datetime.combine(self.today - timedelta(days_ago), time(hour, 12), tzinfo=UTC)
