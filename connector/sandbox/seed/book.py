"""The records of the company's org as they pile up: catalogue, customers, and room for what is sold to them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.ids import make_id
from connector.sandbox.salesforce.terms import json_number
from connector.sandbox.seed.catalog import PRODUCTS
from connector.sandbox.seed.customers import CUSTOMERS
from connector.sandbox.seed.order_lines import product_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.sandbox.seed.catalog import Product, Tiers

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
        moment = self.moment(200, 9)
        fields = {"Name": "Standard Price Book", "IsActive": True, "IsStandard": True}
        self.price_book = self.add("Pricebook2", moment, fields, currency="USD")
        for product in PRODUCTS.values():
            self._stock_one(product, moment)

    def _stock_one(self, product: Product, moment: datetime) -> None:
        product_id = self.add("Product2", moment, product_fields(product), currency="USD")
        self.products[product.key] = product_id
        for currency, price in product.prices.items():
            fields: Fields = {
                "Product2Id": product_id,
                "Pricebook2Id": self.price_book,
                "UnitPrice": json_number(price),
            }
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
        """Return the account and bill-to contact of a customer, added when first needed."""
        if (key, currency) not in self.accounts:
            customer, moment = CUSTOMERS[key], self.moment(120, 11)
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

    def moment(self, days_ago: int, hour: int) -> datetime:
        """Return an hour of a day before today."""
        return datetime.combine(self.today - timedelta(days_ago), time(hour, 12), tzinfo=UTC)
