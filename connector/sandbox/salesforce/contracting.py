"""What happens to an order later: it is contracted, amended, terminated.

As the package does it: an amendment is an order of its own whose
lines are differences, each naming the first order's line it revises; prices are those of the first sale for the time
that is left; the contract keeps the first quote but follows the newest order (all from recorded traffic).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.terms import json_number, last_day, months_between, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.sandbox.salesforce.backdoor import Backdoor

Fields = dict[str, Any]


def contract(org: Backdoor, order_id: str) -> str:
    """Contract an order, unless it was: a contract, and a subscription for each recurring line."""
    order = org.records("Order")[order_id]
    for contract_id, fields in org.records("Contract").items():
        if fields["SBQQ__Quote__c"] == order["SBQQ__Quote__c"]:
            return contract_id
    quote = org.records("SBQQ__Quote__c")[order["SBQQ__Quote__c"]]
    start, months = quote["SBQQ__StartDate__c"], int(quote["SBQQ__SubscriptionTerm__c"])
    evergreen = any(is_evergreen(line) for line in lines_of(org, order_id))
    end = None if evergreen else last_day(date.fromisoformat(start), months).isoformat()
    made = org.insert(
        "Contract",
        {
            **currency_of(order),
            "AccountId": order["AccountId"],
            "StartDate": start,
            "ContractTerm": None if evergreen else months,
            "EndDate": end,
            "SBQQ__Evergreen__c": evergreen,
            "Status": "Draft",
            "StatusCode": "Draft",
            "SBQQ__Quote__c": order["SBQQ__Quote__c"],
            "SBQQ__Order__c": order_id,
            "SBQQ__Opportunity__c": order["OpportunityId"],
            "SBQQ__ExpirationDate__c": end,
            "SBQQ__RenewalTerm__c": months,
            "SBQQ__AmendmentRenewalBehavior__c": "Latest End Date",
        },
    )
    for line in lines_of(org, order_id):
        if line.get("SBQQ__SubscriptionPricing__c"):
            _subscribe(org, made, line, end=end, root=None)
    org.update("Order", order_id, {"SBQQ__Contracted__c": True})
    return made


def amend(org: Backdoor, order_id: str, start: date, quantities: Mapping[str, int | str]) -> str:
    """Sell new quantities of an order's lines from a day on; returns the amendment order, activated and contracted."""
    return _Amendment(org, order_id, start).run({line: Decimal(new) for line, new in quantities.items()})


def terminate(org: Backdoor, order_id: str, day: date) -> str:
    """End everything that still runs on a day: an amendment to nothing."""
    lines = lines_of(org, order_id)
    running = [line for line in lines if is_evergreen(line) or (line.get("EndDate") or "") >= day.isoformat()]
    return amend(org, order_id, day, {line["Id"]: 0 for line in running})


class _Amendment:
    """One amendment on its way into the org."""

    def __init__(self, org: Backdoor, order_id: str, start: date) -> None:
        self.org = org
        self.start = start
        self.contract = contract(org, order_id)
        self.first = org.records("Order")[order_id]
        self.roots = {line["Id"]: line for line in lines_of(org, order_id)}
        self.quote = ""
        self.order = ""

    def run(self, quantities: Mapping[str, Decimal]) -> str:
        opportunity = self.org.insert("Opportunity", self._opportunity())
        self.quote = self.org.insert("SBQQ__Quote__c", self._quote(opportunity))
        self.org.update("Opportunity", opportunity, {"SBQQ__PrimaryQuote__c": self.quote})
        self.order = self.org.insert("Order", self._order(opportunity))
        for line_id, quantity in quantities.items():
            self._revise(self.roots[line_id], quantity)
        self.org.update("Order", self.order, {"Status": "Activated", "SBQQ__Contracted__c": True})
        changes = {"SBQQ__Order__c": self.order, "SBQQ__AmendmentStartDate__c": self.start.isoformat()}
        self.org.update("Contract", self.contract, changes)
        return self.order

    def _opportunity(self) -> Fields:
        number = self.org.records("Contract")[self.contract]["ContractNumber"]
        return {
            **currency_of(self.first),
            "Name": f"Amendment for contract #{number}",
            "AccountId": self.first["AccountId"],
            "StageName": "Closed Won",
            "CloseDate": self.start.isoformat(),
            "Type": "Amendment",
            "SBQQ__AmendedContract__c": self.contract,
            "SBQQ__Ordered__c": True,
        }

    def _quote(self, opportunity: str) -> Fields:
        first = self.org.records("SBQQ__Quote__c")[self.first["SBQQ__Quote__c"]]
        end = self.org.records("Contract")[self.contract].get("EndDate")
        kept = ("SBQQ__Account__c", "SBQQ__PrimaryContact__c", "SBQQ__PriceBook__c", "SBQQ__PaymentTerms__c")
        return {
            **currency_of(first),
            **{name: first.get(name) for name in kept},
            "SBQQ__Type__c": "Amendment",
            "SBQQ__Status__c": "Draft",
            "SBQQ__Primary__c": True,
            "SBQQ__Ordered__c": True,
            "SBQQ__Opportunity2__c": opportunity,
            "SBQQ__MasterContract__c" if end else "SBQQ__MasterEvergreenContract__c": self.contract,
            "SBQQ__StartDate__c": self.start.isoformat(),
            "SBQQ__EndDate__c": end,
            "SBQQ__SubscriptionTerm__c": int(months_between(self.start, date.fromisoformat(end))) if end else 1,
        }

    def _order(self, opportunity: str) -> Fields:
        kept = ("AccountId", "Pricebook2Id", "BillToContactId", "PoNumber", "SBQQ__PaymentTerm__c")
        return {
            **currency_of(self.first),
            **{name: self.first.get(name) for name in kept},
            "OpportunityId": opportunity,
            "SBQQ__Quote__c": self.quote,
            "EffectiveDate": self.start.isoformat(),
            "Status": "Draft",
            "Type": "Amendment",
            "SBQQ__ContractingMethod__c": "By Subscription End Date",
            "SBQQ__PriceCalcStatus__c": "Not Needed",
        }

    def _revise(self, root: Fields, quantity: Decimal) -> None:
        """Add the difference of one line."""
        revisions = self._revisions(root)
        prior = sum((Decimal(str(line["Quantity"])) for line in [root, *revisions]), start=Decimal())
        if quantity == prior:
            return
        sold = self.org.records("SBQQ__QuoteLine__c")[root["SBQQ__QuoteLine__c"]]
        first_day = max(self.start, date.fromisoformat(root["ServiceDate"]))
        terms = {**_price(root, sold, first_day), "Quantity": json_number(quantity - prior)}
        quoted = self.org.insert("SBQQ__QuoteLine__c", self._quote_line(root, sold, terms, quantity, prior))
        fields = self._order_line(root, terms, quoted, cancelled=quantity == 0, less=quantity < prior)
        item = self.org.insert("OrderItem", fields)
        line = self.org.records("OrderItem")[item]
        _subscribe(self.org, self.contract, line, end=root.get("EndDate"), root=root.get("SBQQ__Subscription__c"))
        if quantity == 0:
            last = (first_day - timedelta(1)).isoformat()
            for each in (root, *revisions, line):
                self.org.update("OrderItem", each["Id"], {"SBQQ__TerminatedDate__c": last})

    def _revisions(self, root: Fields) -> list[Fields]:
        items = self.org.records("OrderItem").values()
        return [line for line in items if line.get("SBQQ__RevisedOrderProduct__c") == root["Id"]]

    def _quote_line(self, root: Fields, sold: Fields, terms: Fields, quantity: Decimal, prior: Decimal) -> Fields:
        copied = {name: value for name, value in sold.items() if name not in FRESH}
        return {
            **copied,
            "SBQQ__Quote__c": self.quote,
            "SBQQ__Existing__c": True,
            "SBQQ__UpgradedSubscription__c": self.org.records("OrderItem")[root["Id"]].get("SBQQ__Subscription__c"),
            "SBQQ__Quantity__c": json_number(quantity),
            "SBQQ__PriorQuantity__c": json_number(prior),
            "SBQQ__EffectiveQuantity__c": terms["Quantity"],
            "SBQQ__SegmentIndex__c": self._segment_index(root),
            "SBQQ__ProrateMultiplier__c": terms["SBQQ__ProrateMultiplier__c"],
            "SBQQ__EffectiveStartDate__c": terms["ServiceDate"],
            "SBQQ__EffectiveEndDate__c": root.get("EndDate"),
            **dict.fromkeys(("SBQQ__NetPrice__c", "SBQQ__CustomerPrice__c"), terms["UnitPrice"]),
        }

    def _order_line(self, root: Fields, terms: Fields, quoted: str, *, cancelled: bool, less: bool) -> Fields:
        copied = {name: value for name, value in root.items() if name not in FRESH}
        return {
            **copied,
            **terms,
            "OrderId": self.order,
            "SBQQ__QuoteLine__c": quoted,
            "SBQQ__RevisedOrderProduct__c": root["Id"],
            "SBQQ__ContractAction__c": "Cancel" if cancelled else "Quantity Decrease" if less else "Quantity Increase",
            "SBQQ__SegmentIndex__c": self._segment_index(root),
            "SBQQ__OrderedQuantity__c": terms["Quantity"],
            "SBQQ__QuotedQuantity__c": terms["Quantity"],
            "SBQQ__SubscriptionTerm__c": root["SBQQ__SubscriptionTerm__c"] if is_evergreen(root) else None,
        }

    def _segment_index(self, root: Fields) -> int | None:
        """Count anew from the segment in which the amendment starts: key and label stay, the index does not."""
        if root.get("SBQQ__SegmentIndex__c") is None:
            return None
        key, left = root["SBQQ__SegmentKey__c"], self.start.isoformat()
        ahead = [r for r in self.roots.values() if r.get("SBQQ__SegmentKey__c") == key and r["EndDate"] >= left]
        return 1 + sorted(r["ServiceDate"] for r in ahead).index(root["ServiceDate"])


#: Fields that a copy of a line does not take over.
FRESH = frozenset(
    {
        "Id",
        "Name",
        "OrderItemNumber",
        "CreatedDate",
        "CreatedById",
        "LastModifiedDate",
        "LastModifiedById",
        "SystemModstamp",
        "IsDeleted",
        "AvailableQuantity",
        "TotalPrice",
        "SBQQ__Activated__c",
        "SBQQ__Status__c",
        "SBQQ__Subscription__c",
        "SBQQ__TerminatedDate__c",
        "SBQQ__OrderProductBookings__c",
        "Stripe_Price_Id__c",
    }
)


def _price(root: Fields, sold: Fields, first_day: date) -> Fields:
    """Price the time that is left at the terms of the first sale; what has no end, for its term again."""
    if is_evergreen(root):
        kept = ("UnitPrice", "SBQQ__ProrateMultiplier__c")
        return {"ServiceDate": first_day.isoformat(), **{name: root[name] for name in kept}}
    product_term = Fraction(root.get("SBQQ__DefaultSubscriptionTerm__c") or 12)
    multiplier = months_between(first_day, date.fromisoformat(root["EndDate"])) / product_term
    discount = Fraction(str(sold.get("SBQQ__TotalDiscountRate__c") or 0)) / 100
    net = Fraction(str(root["SBQQ__QuotedListPrice__c"])) * (1 - discount)
    return {
        "ServiceDate": first_day.isoformat(),
        "UnitPrice": json_number(rounded(net * multiplier, root.get("CurrencyIsoCode") or "USD")),
        "SBQQ__ProrateMultiplier__c": json_number(multiplier),
    }


def is_evergreen(line: Fields) -> bool:
    """Tell whether an order line runs without an end."""
    return line.get("SBQQ__SubscriptionType__c") == "Evergreen"


def _subscribe(org: Backdoor, contract_id: str, line: Fields, *, end: str | None, root: str | None) -> None:
    """Add the subscription of a line; that of a segment says it ends with the contract."""
    copied = ("SBQQ__BillingFrequency__c", "SBQQ__BillingType__c", "SBQQ__SubscriptionPricing__c")
    segment = {"SBQQ__SegmentStartDate__c": line["ServiceDate"], "SBQQ__SegmentEndDate__c": line.get("EndDate")}
    segment |= {name: line.get(name) for name in ("SBQQ__SegmentKey__c", "SBQQ__SegmentIndex__c")}
    made = org.insert(
        "SBQQ__Subscription__c",
        {
            **currency_of(line),
            **{name: line.get(name) for name in copied},
            **(segment if line.get("SBQQ__SegmentKey__c") else {}),
            "SBQQ__Contract__c": contract_id,
            "SBQQ__Product__c": line["Product2Id"],
            "SBQQ__OrderProduct__c": line["Id"],
            "SBQQ__QuoteLine__c": line["SBQQ__QuoteLine__c"],
            "SBQQ__RevisedSubscription__c": root,
            "SBQQ__Quantity__c": line["Quantity"],
            "SBQQ__StartDate__c": line["ServiceDate"],
            "SBQQ__EndDate__c": end,
            "SBQQ__NetPrice__c": line["UnitPrice"],
            "SBQQ__ProrateMultiplier__c": line["SBQQ__ProrateMultiplier__c"],
        },
    )
    links = {"SBQQ__Subscription__c": made, "SBQQ__Contract__c": contract_id, "SBQQ__Contracted__c": True}
    org.update("OrderItem", line["Id"], links)


def lines_of(org: Backdoor, order_id: str) -> list[Fields]:
    """Return the lines of an order."""
    return [line for line in org.records("OrderItem").values() if line["OrderId"] == order_id]


def currency_of(record: Fields) -> Fields:
    """Return the currency of a record as a field, in orgs that have several."""
    return {"CurrencyIsoCode": record["CurrencyIsoCode"]} if record.get("CurrencyIsoCode") else {}
