"""Deals as Salesforce CPQ leaves them: records with the lookups that tie them together, and little else."""

from typing import Any

Tables = dict[str, dict[str, dict[str, Any]]]

PATHS = {
    "Order": frozenset({"Status", "TotalAmount", "Account.Name", "SBQQ__Quote__r.SBQQ__SubscriptionTerm__c"}),
    "OrderItem": frozenset(
        {"Quantity", "UnitPrice", "ServiceDate", "Product2.Name", "SBQQ__QuoteLine__r.SBQQ__SegmentLabel__c"}
    ),
    "SBQQ__OrderItemConsumptionSchedule__c": frozenset({"SBQQ__Type__c"}),
    "SBQQ__OrderItemConsumptionRate__c": frozenset({"SBQQ__Price__c"}),
    "ConsumptionSchedule": frozenset({"Type"}),
    "ConsumptionRate": frozenset({"Price"}),
    "Order_Stripe_Coupon__c": frozenset({"Percent_Off__c"}),
    "Stripe_Sync_Record__c": frozenset({"Status__c"}),
    "Account": frozenset({"Stripe_Customer_Id__c"}),
}


def sf_id(prefix: str, number: int) -> str:
    """Return an 18-character id with the checksum that Salesforce appends to the first 15."""
    fifteen = f"{prefix}8Z{number:010d}"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    fives = (fifteen[start : start + 5] for start in (0, 5, 10))
    return fifteen + "".join(letters[sum(c.isupper() << i for i, c in enumerate(five))] for five in fives)


def put(tables: Tables, name: str, prefix: str, number: int, **fields: Any) -> str:
    """Add a record and return its id; fields that are None are left out."""
    key = sf_id(prefix, number)
    tables.setdefault(name, {})[key] = {"Id": key} | {k: v for k, v in fields.items() if v is not None}
    return key


def deal(tables: Tables, n: int = 1, *, lines: int = 1, account: int | None = None, **order: Any) -> str:
    """Add a first order: account, opportunity, quote, order and lines; return the order's id."""
    customer = put(tables, "Account", "001", account or n, Name=f"Customer {account or n}")
    product = put(tables, "Product2", "01t", n, Name="Dispatch seat", IsActive=True)
    entry = put(tables, "PricebookEntry", "01u", n, Product2Id=product, UnitPrice=120.0)
    opportunity = put(tables, "Opportunity", "006", n, AccountId=customer, Name="Deal", StageName="Closed Won")
    quote = put(tables, "SBQQ__Quote__c", "a0z", n, SBQQ__StartDate__c="2027-01-01", SBQQ__SubscriptionTerm__c=12.0)
    key = put(
        tables,
        "Order",
        "801",
        n,
        **{
            "AccountId": customer,
            "OpportunityId": opportunity,
            "SBQQ__Quote__c": quote,
            "OrderNumber": f"{n:08d}",
            "Type": "New",
            "Status": "Activated",
            "EffectiveDate": "2027-01-01",
            "CreatedDate": "2026-12-01T10:00:00.000+0000",
            "ActivatedDate": "2026-12-02T10:00:00.000+0000",
            **order,
        },
    )
    for line in range(lines):
        _line(tables, n * 100 + line, key, product, entry, Quantity=5.0, UnitPrice=1440.0)
    return key


def amend(tables: Tables, first: str, n: int, *, start: str = "2027-07-01", revises: bool = True, **order: Any) -> str:
    """Contract a deal, amend the contract, and return the amendment's order."""
    origin = tables["Order"][first]
    quote = origin["SBQQ__Quote__c"]
    line = next(line for line in tables["OrderItem"].values() if line["OrderId"] == first)
    contract = f"{sf_id('800', 0)[:5]}{quote[5:15]}"
    tables.setdefault("Contract", {})[contract] = {
        "Id": contract,
        "ContractNumber": contract[-8:],
        "AccountId": origin["AccountId"],
        "SBQQ__Quote__c": quote,
        "SBQQ__Order__c": sf_id("801", n),  # moved on to the amendment, as CPQ does
    }
    opportunity = put(
        tables,
        "Opportunity",
        "006",
        n,
        AccountId=origin["AccountId"],
        Name="Amendment",
        SBQQ__AmendedContract__c=contract,
    )
    amendment_quote = put(tables, "SBQQ__Quote__c", "a0z", n, SBQQ__StartDate__c=start, SBQQ__Type__c="Amendment")
    fields = {**origin, "Id": None, "Type": "Amendment", "EffectiveDate": start, "OrderNumber": f"{n:08d}", **order}
    fields |= {"OpportunityId": opportunity, "SBQQ__Quote__c": amendment_quote}
    del fields["Id"]
    key = put(tables, "Order", "801", n, **fields)
    revised = line["Id"] if revises else None
    _line(tables, n * 100, key, line["Product2Id"], line["PricebookEntryId"], SBQQ__RevisedOrderProduct__c=revised)
    return key


def _line(tables: Tables, n: int, order: str, product: str, entry: str, **fields: Any) -> str:
    quote_line = put(tables, "SBQQ__QuoteLine__c", "a0v", n, SBQQ__SegmentLabel__c="Year 1")
    return put(
        tables,
        "OrderItem",
        "802",
        n,
        **{
            "OrderId": order,
            "Product2Id": product,
            "PricebookEntryId": entry,
            "SBQQ__QuoteLine__c": quote_line,
            "ServiceDate": "2027-01-01",
            "Quantity": 1.0,
            "UnitPrice": 720.0,
            **fields,
        },
    )
