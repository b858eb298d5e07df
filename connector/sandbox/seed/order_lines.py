"""The fields of a quote line and an order line, from what was sold."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.terms import json_number, rounded

if TYPE_CHECKING:
    from datetime import date

    from connector.sandbox.seed.catalog import Product
    from connector.sandbox.seed.lines import Sold

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LineIds:
    """What a line points at."""

    product: str
    entry: str
    dimension: str | None


def product_fields(product: Product) -> Fields:
    """Build a product's record."""
    recurring = product.term is not None
    return {
        "Name": product.name,
        "ProductCode": product.code,
        "Description": product.description,
        "IsActive": True,
        **billing_fields(product, product.frequency),
        "SBQQ__SubscriptionType__c": "Renewable" if recurring else None,
        "SBQQ__SubscriptionTerm__c": product.term,
        "SBQQ__SubscriptionBase__c": "List",
        "SBQQ__PricingMethod__c": "List",
        "SBQQ__DefaultPricingTable__c": "Segmented" if product.dimensions else "Standard",
        "SBQQ__DefaultQuantity__c": 1.0,
        "SBQQ__QuantityEditable__c": True,
        "SBQQ__HasConsumptionSchedule__c": product.tiers is not None,
    }


def billing_fields(product: Product, frequency: str | None) -> Fields:
    """How a product is billed, repeated on product, quote line and order line."""
    recurring = product.term is not None
    return {
        "SBQQ__BillingFrequency__c": frequency,
        "SBQQ__BillingType__c": ("Arrears" if product.metered else "Advance") if recurring else None,
        "SBQQ__ChargeType__c": "Usage" if product.metered else "Recurring" if recurring else "One-Time",
        "SBQQ__SubscriptionPricing__c": "Fixed Price" if recurring else None,
    }


def quote_line(sold: Sold, ids: LineIds, currency: str, *, term: int | None) -> Fields:
    """Build a line of the quote, whose own term is ``term``."""
    listed, net = sold.list_price(currency), sold.net(currency)
    unit = json_number(sold.unit_price(currency))
    total = json_number(sold.total(currency))
    regular = json_number(rounded(Fraction(listed) * sold.multiplier(), currency))
    own_dates = sold.segment is not None
    discount = (1 - net / listed) * 100 if listed else Decimal()
    return {
        "SBQQ__Product__c": ids.product,
        "SBQQ__PricebookEntryId__c": ids.entry,
        "SBQQ__ProductName__c": sold.product.name,
        "SBQQ__ProductCode__c": sold.product.code,
        "SBQQ__Description__c": sold.product.description,
        "SBQQ__Quantity__c": json_number(sold.quantity),
        "SBQQ__EffectiveQuantity__c": json_number(sold.quantity),
        "SBQQ__ListPrice__c": json_number(listed),
        "SBQQ__OriginalPrice__c": json_number(listed),
        "SBQQ__SpecialPrice__c": json_number(listed),
        "SBQQ__Discount__c": json_number(discount) if discount else None,
        "SBQQ__TotalDiscountRate__c": json_number(discount),
        "SBQQ__Uplift__c": 0.0,
        **dict.fromkeys(("SBQQ__ProratedListPrice__c", "SBQQ__ProratedPrice__c", "SBQQ__RegularPrice__c"), regular),
        **dict.fromkeys(("SBQQ__CustomerPrice__c", "SBQQ__PartnerPrice__c", "SBQQ__NetPrice__c"), unit),
        **dict.fromkeys(("SBQQ__CustomerTotal__c", "SBQQ__PartnerTotal__c", "SBQQ__NetTotal__c"), total),
        "SBQQ__ProrateMultiplier__c": json_number(sold.multiplier()),
        "SBQQ__StartDate__c": _day(sold.start) if own_dates else None,
        "SBQQ__EndDate__c": _day(sold.end) if own_dates else None,
        "SBQQ__EffectiveStartDate__c": _day(sold.start),
        "SBQQ__EffectiveEndDate__c": _day(sold.end),
        "SBQQ__EffectiveSubscriptionTerm__c": term,
        "SBQQ__SubscriptionTerm__c": None if own_dates else sold.months,
        "SBQQ__SubscriptionType__c": _type(sold),
        "SBQQ__SubscriptionScope__c": "Quote",
        "SBQQ__SegmentLabel__c": sold.label,
        "SBQQ__Dimension__c": ids.dimension,
        "SBQQ__Existing__c": False,
        "SBQQ__HasConsumptionSchedule__c": sold.product.tiers is not None,
        **_shared(sold),
    }


def order_line(sold: Sold, ids: LineIds, currency: str, *, status: str) -> Fields:
    """Build a line of the order."""
    unit, total = json_number(sold.unit_price(currency)), json_number(sold.total(currency))
    quantity = json_number(sold.quantity)
    return {
        "Product2Id": ids.product,
        "PricebookEntryId": ids.entry,
        "Description": sold.product.description,
        "Quantity": quantity,
        "AvailableQuantity": quantity,
        "UnitPrice": unit,
        "ListPrice": json_number(sold.list_price(currency)),
        "TotalPrice": total,
        "ServiceDate": _day(sold.start),
        "EndDate": _day(sold.end),
        "SBQQ__Activated__c": status == "Activated",
        "SBQQ__Status__c": status,
        "SBQQ__ContractAction__c": "New",
        "SBQQ__ContractingMethod__c": "Inherit",
        "SBQQ__Contracted__c": False,
        "SBQQ__BookingsIndicator__c": "Include",
        "SBQQ__OrderProductBookings__c": total,
        "SBQQ__QuotedListPrice__c": json_number(sold.list_price(currency)),
        "SBQQ__QuotedQuantity__c": quantity,
        "SBQQ__OrderedQuantity__c": quantity,
        "SBQQ__ProrateMultiplier__c": json_number(sold.multiplier()),
        "SBQQ__SubscriptionTerm__c": None if sold.segment is not None else sold.months,
        "SBQQ__SubscriptionType__c": _type(sold),
        "SBQQ__PriceDimension__c": ids.dimension,
        "SBQQ__DimensionType__c": sold.dimension,
        **_shared(sold),
    }


def _shared(sold: Sold) -> Fields:
    return {
        **billing_fields(sold.product, sold.frequency or sold.product.frequency),
        "SBQQ__ProductSubscriptionType__c": _type(sold),
        "SBQQ__DefaultSubscriptionTerm__c": sold.product.term,
        "SBQQ__PricingMethod__c": "List",
        "SBQQ__SegmentIndex__c": sold.segment,
        "SBQQ__SegmentKey__c": sold.key,
    }


def _type(sold: Sold) -> str | None:
    if not sold.product.term:
        return None
    return "Evergreen" if sold.evergreen else "Renewable"


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
