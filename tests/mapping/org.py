"""An invented org's fields, as its describe tells them."""

from types import MappingProxyType

from connector.mapping.catalogue import Catalogue, CrmField, CrmObject

SOURCE = "connection acme, 2026-11-20 08:00 UTC"


def _object(name: str, *fields: CrmField) -> CrmObject:
    named = {each.name: CrmField(each.name, each.label, each.type, each.values, each.parents, each.relationship,
                                 each.writable, name) for each in fields}  # fmt: skip
    return CrmObject(name, name, MappingProxyType(named))


def _lookup(name: str, relationship: str, *parents: str) -> CrmField:
    return CrmField(name, f"{relationship} ID", "reference", (), parents, relationship)


ORDER = _object(
    "Order",
    _lookup("AccountId", "Account", "Account"),
    _lookup("BillToContactId", "BillToContact", "Contact"),
    _lookup("SBQQ__Quote__c", "SBQQ__Quote__r", "SBQQ__Quote__c"),
    CrmField("EffectiveDate", "Order Start Date", "date"),
    CrmField("EndDate", "Order End Date", "date"),
    CrmField("Status", "Status", "picklist", ("Draft", "Activated")),
    CrmField("TotalAmount", "Order Amount", "currency"),
    CrmField("CurrencyIsoCode", "Currency", "picklist", ("USD", "EUR")),
    CrmField("Cadence__c", "Billing Cadence", "picklist", ("Every month", "Every quarter", "Every year")),
    CrmField("Stripe_Link__c", "Stripe Link", "url", writable=True),
    CrmField("Stripe_Fixed__c", "Stripe Formula", "string"),
    CrmField("PoNumber", "PO Number", "string"),
)
LINE = _object(
    "OrderItem",
    _lookup("OrderId", "Order", "Order"),
    _lookup("Product2Id", "Product2", "Product2"),
    CrmField("Quantity", "Quantity", "double"),
    CrmField("UnitPrice", "Unit Price", "currency"),
    CrmField("IsHeld__c", "Held", "boolean"),
)
ACCOUNT = _object(
    "Account",
    CrmField("Name", "Account Name", "string"),
    CrmField("BillingCountry", "Billing Country", "string"),
    CrmField("BillingCountryCode", "Billing Country Code", "picklist"),
    _lookup("OwnerId", "Owner", "User", "Group"),
)
CONTACT = _object("Contact", CrmField("Email", "Email", "email"), CrmField("Name", "Full Name", "string"))
QUOTE = _object("SBQQ__Quote__c", CrmField("SBQQ__StartDate__c", "Start Date", "date"))
PRODUCT = _object("Product2", CrmField("Name", "Product Name", "string"))
USER = _object("User", CrmField("Name", "Full Name", "string"))

CATALOGUE = Catalogue(
    SOURCE, MappingProxyType({each.name: each for each in (ORDER, LINE, ACCOUNT, CONTACT, QUOTE, PRODUCT, USER)})
)
