"""A company with as many three-year ramp orders as wanted, copied from the seeded one."""

import copy
from typing import Any

from benchmarks.day import TODAY
from connector.sandbox.seed import ORDERS, seed

RAMP = ORDERS["ramp"]

Tables = dict[str, dict[str, dict[str, Any]]]


def order_id(number: int) -> str:
    """Return the id of a copy of the ramp order; the first is 0."""
    return _copied(RAMP, number)


def company(count: int, *, customers: bool) -> Tables:
    """Return the seeded org with `count` more ramps: own quotes and lines, own customers if wanted, shared products."""
    tables = seed(TODAY)
    own = _own(tables, customers=customers)
    mine = {key for keys in own.values() for key in keys}
    for number in range(count):
        for table, keys in own.items():
            for key in keys:
                fields = copy.copy(tables[table][key])
                copied = {name: _copied(v, number) if v in mine else v for name, v in fields.items()}
                tables[table][_copied(key, number)] = {**copied, "Id": _copied(key, number)}
    return tables


def _own(tables: Tables, *, customers: bool) -> dict[str, list[str]]:
    """Return what belongs to the ramp alone, table by table."""
    order = tables["Order"][RAMP]
    quote = order["SBQQ__Quote__c"]
    own = {
        "Order": [RAMP],
        "OrderItem": [key for key, line in tables["OrderItem"].items() if line["OrderId"] == RAMP],
        "SBQQ__Quote__c": [quote],
        "SBQQ__QuoteLine__c": [
            k for k, line in tables["SBQQ__QuoteLine__c"].items() if line["SBQQ__Quote__c"] == quote
        ],
        "Opportunity": [order["OpportunityId"]],
    }
    return own | ({"Account": [order["AccountId"]], "Contact": [order["BillToContactId"]]} if customers else {})


def _copied(record_id: str, number: int) -> str:
    """Return the id of a copy: the number goes where the seed's ids have zeros."""
    return f"{record_id[:5]}{number + 1:04d}{record_id[9:15]}"
