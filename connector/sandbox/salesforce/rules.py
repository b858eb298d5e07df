"""What the platform and the CPQ package do by themselves when a record is saved.

Only what a contract's reader can see: line totals and their sum on the order, activation, derived names and dates.
Saving a line leaves the order's own stamps alone, as recorded.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.terms import last_day

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.sandbox.salesforce.schema import SObject
    from connector.sandbox.salesforce.store import Record, Store


CURRENCY = "USD"
"""The corporate currency: what a record has that names none and hangs on no order."""


def derive(store: Store, sobject: SObject, record: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that follow from those just written; what the writer gave wins."""
    found: dict[str, Any] = {}
    if sobject.name == "OrderItem":
        found = _order_item(store, record, written)
    elif sobject.name == "Order" and "Status" in written:
        found = _activation(store, record)
    elif sobject.name in {"Contact", "User"} and written.keys() & {"FirstName", "LastName"}:
        found = {"Name": " ".join(filter(None, (record.get("FirstName"), record.get("LastName"))))}
    elif sobject.name == "Opportunity" and "StageName" in written:
        won = record.get("StageName") == "Closed Won"
        found = {"IsWon": won, "IsClosed": won or record.get("StageName") == "Closed Lost"}
    elif sobject.name == "Contract" and record.get("StartDate") and record.get("ContractTerm"):
        found = {"EndDate": last_day(date.fromisoformat(record["StartDate"]), int(record["ContractTerm"])).isoformat()}
    elif sobject.name == "PricebookEntry" and "Product2Id" in written:
        product = _parent(store, "Product2", record.get("Product2Id"))
        found = {"Name": product.get("Name"), "ProductCode": product.get("ProductCode")}
    if store.schema.multi_currency and not record.get("CurrencyIsoCode"):
        found["CurrencyIsoCode"] = _parent(store, "Order", record.get("OrderId")).get("CurrencyIsoCode") or CURRENCY
    return {name: value for name, value in found.items() if name not in written}


def _order_item(store: Store, record: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if written.keys() & {"Quantity", "UnitPrice"} and record.get("UnitPrice") is not None:
        quantity = Decimal(str(record.get("Quantity") or 0))
        found["TotalPrice"] = float(Decimal(str(record["UnitPrice"])) * quantity)
        found["AvailableQuantity"] = record.get("Quantity")
    if "PricebookEntryId" in written and not record.get("Product2Id"):
        found["Product2Id"] = _parent(store, "PricebookEntry", record["PricebookEntryId"]).get("Product2Id")
    return found


def _activation(store: Store, record: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"StatusCode": record.get("Status")}
    if record.get("Status") == "Activated" and not record.get("ActivatedDate"):
        found["ActivatedDate"] = store.clock.stamp()
    elif record.get("Status") == "Draft":
        found["ActivatedDate"] = None
    return found


def refuse_empty_activation(store: Store, sobject: SObject, record: Mapping[str, Any]) -> None:
    """Refuse to activate an order without lines."""
    if sobject.name == "Order" and record.get("Status") == "Activated" and not _lines(store, record["Id"]):
        raise ApiError("FAILED_ACTIVATION", "An order must have at least one product.", fields=())


def follow_up(store: Store, sobject: SObject, record: Mapping[str, Any], written: Mapping[str, Any]) -> None:
    """Change other records: the order's total after a line, the lines' status after an activation."""
    if sobject.name == "OrderItem" and record.get("OrderId"):
        _total_up(store, record["OrderId"])
    if sobject.name == "Order" and "Status" in written:
        _pass_status_on(store, record)


def _total_up(store: Store, order_id: str) -> None:
    orders = store.schema.objects["order"]
    order = store.get(orders, order_id)
    if order is not None:
        total = sum((Decimal(str(line.get("TotalPrice") or 0)) for line in _lines(store, order_id)), Decimal())
        store.put(orders, {**order, "TotalAmount": float(total), "SBQQ__OrderBookings__c": float(total)})


def _pass_status_on(store: Store, order: Mapping[str, Any]) -> None:
    items = store.schema.objects["orderitem"]
    active = order.get("Status") == "Activated"
    for line in _lines(store, order["Id"]):
        if line.get("SBQQ__Activated__c") != active:
            changes = {"SBQQ__Activated__c": active, "SBQQ__Status__c": order.get("Status")}
            store.touch(items, line, changes, system_only=True)


def _lines(store: Store, order_id: str) -> list[Record]:
    items = store.schema.objects["orderitem"]
    return [line for line in store.where(items, items.fields["orderid"], [order_id]) if not line["IsDeleted"]]


def _parent(store: Store, name: str, record_id: str | None) -> Record:
    return (store.get(store.schema.objects[name.lower()], record_id) if record_id else None) or {}
