"""A contract is renewed: a new opportunity, quote and order for the time after it, and later a contract of their own.

As the package does it: the opportunity names the renewed contract, the quote begins the day after its end, and each
line is sold in full again and names the line of the last term (all from recorded traffic). Segments are not kept.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.contracting import FRESH, contract, currency_of, is_evergreen, lines_of
from connector.sandbox.salesforce.terms import json_number, last_day, rounded

if TYPE_CHECKING:
    from connector.sandbox.salesforce.backdoor import Backdoor

Fields = dict[str, Any]
_SEGMENT = ("SBQQ__SegmentIndex__c", "SBQQ__SegmentKey__c", "SBQQ__DimensionType__c", "SBQQ__PriceDimension__c")


def renew(org: Backdoor, order_id: str, *, months: int | None = None, uplift: str = "0") -> str:
    """Renew an order's contract for as long again, or some months, at prices raised by some percent; return the order.

    What ended before the contract, and what has no end, is not renewed.
    """
    return _Renewal(org, order_id, months, Decimal(uplift)).run()


class _Renewal:
    """One renewal on its way into the org."""

    def __init__(self, org: Backdoor, order_id: str, months: int | None, uplift: Decimal) -> None:
        self.org = org
        self.contract = contract(org, order_id)
        held = org.records("Contract")[self.contract]
        self.first = org.records("Order")[order_id]
        if not held.get("EndDate"):
            message = f"the contract of order {order_id} has no end, so it cannot be renewed"
            raise ValueError(message)
        self.start = date.fromisoformat(held["EndDate"]) + timedelta(1)
        self.months = months or int(held["ContractTerm"])
        self.end = last_day(self.start, self.months)
        self.raised = 1 + Fraction(uplift) / 100

    def run(self) -> str:
        opportunity = self.org.insert("Opportunity", self._opportunity())
        quote = self.org.insert("SBQQ__Quote__c", self._quote(opportunity))
        self.org.update("Opportunity", opportunity, {"SBQQ__PrimaryQuote__c": quote})
        order = self.org.insert("Order", self._order(opportunity, quote))
        for root in lines_of(self.org, self.first["Id"]):
            if not is_evergreen(root) and root.get("EndDate") == (self.start - timedelta(1)).isoformat():
                self._sell(root, order, quote)
        self.org.update("Order", order, {"Status": "Activated"})
        self.org.update("Contract", self.contract, {"SBQQ__RenewalOpportunity__c": opportunity})
        return order

    def _opportunity(self) -> Fields:
        return {
            **currency_of(self.first),
            "Name": "Renewal",
            "AccountId": self.first["AccountId"],
            "StageName": "Closed Won",
            "CloseDate": (self.start - timedelta(1)).isoformat(),
            "Type": "Renewal",
            "SBQQ__Renewal__c": True,
            "SBQQ__RenewedContract__c": self.contract,
            "SBQQ__Ordered__c": True,
        }

    def _quote(self, opportunity: str) -> Fields:
        first = self.org.records("SBQQ__Quote__c")[self.first["SBQQ__Quote__c"]]
        kept = ("SBQQ__Account__c", "SBQQ__PrimaryContact__c", "SBQQ__PriceBook__c", "SBQQ__PaymentTerms__c")
        return {
            **currency_of(first),
            **{name: first.get(name) for name in kept},
            "SBQQ__Type__c": "Renewal",
            "SBQQ__Status__c": "Draft",
            "SBQQ__Primary__c": True,
            "SBQQ__Ordered__c": True,
            "SBQQ__Opportunity2__c": opportunity,
            "SBQQ__StartDate__c": self.start.isoformat(),
            "SBQQ__EndDate__c": self.end.isoformat(),
            "SBQQ__SubscriptionTerm__c": self.months,
        }

    def _order(self, opportunity: str, quote: str) -> Fields:
        kept = ("AccountId", "Pricebook2Id", "BillToContactId", "PoNumber", "SBQQ__PaymentTerm__c")
        return {
            **currency_of(self.first),
            **{name: self.first.get(name) for name in kept},
            "OpportunityId": opportunity,
            "SBQQ__Quote__c": quote,
            "EffectiveDate": self.start.isoformat(),
            "Status": "Draft",
            "Type": "Renewal",
            "SBQQ__ContractingMethod__c": "By Subscription End Date",
            "SBQQ__PriceCalcStatus__c": "Not Needed",
        }

    def _sell(self, root: Fields, order: str, quote: str) -> None:
        """Sell what is left of a line again, in full."""
        items = self.org.records("OrderItem").values()
        changes = [line for line in items if line.get("SBQQ__RevisedOrderProduct__c") == root["Id"]]
        quantity = sum((Decimal(str(line["Quantity"])) for line in (root, *changes)), start=Decimal())
        if quantity <= 0:
            return
        sold = self.org.records("SBQQ__QuoteLine__c")[root["SBQQ__QuoteLine__c"]]
        terms = self._terms(root, sold, quantity)
        copied = {name: value for name, value in sold.items() if name not in FRESH}
        quoted = self.org.insert(
            "SBQQ__QuoteLine__c",
            {
                **copied,
                **dict.fromkeys(("SBQQ__NetPrice__c", "SBQQ__CustomerPrice__c"), terms["UnitPrice"]),
                "SBQQ__Quote__c": quote,
                "SBQQ__Quantity__c": terms["Quantity"],
                "SBQQ__EffectiveQuantity__c": terms["Quantity"],
                "SBQQ__ProrateMultiplier__c": terms["SBQQ__ProrateMultiplier__c"],
                "SBQQ__EffectiveStartDate__c": terms["ServiceDate"],
                "SBQQ__EffectiveEndDate__c": terms["EndDate"],
                "SBQQ__RenewedSubscription__c": self.org.records("OrderItem")[root["Id"]].get("SBQQ__Subscription__c"),
                **dict.fromkeys(("SBQQ__SegmentIndex__c", "SBQQ__SegmentKey__c", "SBQQ__SegmentLabel__c")),
            },
        )
        copied = {name: value for name, value in root.items() if name not in FRESH}
        tied = {"OrderId": order, "SBQQ__QuoteLine__c": quoted, "SBQQ__RevisedOrderProduct__c": root["Id"]}
        own = {"SBQQ__ContractAction__c": "Renew", "SBQQ__Contract__c": None, "SBQQ__Contracted__c": False}
        self.org.insert("OrderItem", {**copied, **terms, **tied, **own, **dict.fromkeys(_SEGMENT)})

    def _terms(self, root: Fields, sold: Fields, quantity: Decimal) -> Fields:
        multiplier = Fraction(self.months, int(root.get("SBQQ__DefaultSubscriptionTerm__c") or 12))
        discount = Fraction(str(sold.get("SBQQ__TotalDiscountRate__c") or 0)) / 100
        listed = Fraction(str(root["SBQQ__QuotedListPrice__c"])) * self.raised
        price = rounded(listed * (1 - discount) * multiplier, root.get("CurrencyIsoCode") or "USD")
        return {
            "ServiceDate": self.start.isoformat(),
            "EndDate": self.end.isoformat(),
            "Quantity": json_number(quantity),
            "UnitPrice": json_number(price),
            "SBQQ__QuotedListPrice__c": json_number(listed),
            "SBQQ__ProrateMultiplier__c": json_number(multiplier),
            "SBQQ__SubscriptionTerm__c": self.months,
            "SBQQ__OrderedQuantity__c": json_number(quantity),
            "SBQQ__QuotedQuantity__c": json_number(quantity),
        }
