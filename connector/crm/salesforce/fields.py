"""What the connector needs in a Salesforce org: its own fields, one object of its own, one permission set. Pure.

The names are those of mappings/salesforce-cpq.yaml.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

PERMISSION_SET = "Stripe_Connector_Integration"
RECORD_OBJECT = "Stripe_Sync_Record__c"

#: Metadata type of a field → the type that a describe call tells.
DESCRIBED: Mapping[str, str] = MappingProxyType(
    {
        "Text": "string",
        "LongTextArea": "textarea",
        "Url": "url",
        "Picklist": "picklist",
        "DateTime": "datetime",
        "Date": "date",
        "Number": "double",
        "Currency": "currency",
        "Checkbox": "boolean",
        "Lookup": "reference",
    }
)


@dataclass(frozen=True, slots=True)
class OwnField:
    """One field: `type` is the Metadata API's word, `says` the help text; `refers` the object a lookup leads to."""

    name: str
    type: str
    says: str
    length: int = 0
    values: tuple[str, ...] = ()
    external_id: bool = False
    unique: bool = False
    required: bool = False
    refers: str = ""
    editable: bool = True


_WRITTEN = "Written by the billing connector."
_STATUSES = ("Pending", "In Progress", "Synced", "Partially Synced", "Failed", "Blocked", "Needs review", "Skipped")


def _id(name: str, *, external_id: bool = False, unique: bool = False) -> OwnField:
    return OwnField(name, "Text", _WRITTEN, 255, external_id=external_id, unique=unique)


def _text(name: str, length: int = 255) -> OwnField:
    return OwnField(name, "Text", _WRITTEN, length)


_ORDER = (
    _id("Stripe_Schedule_Id__c", external_id=True),
    _id("Stripe_Subscription_Id__c"),
    _id("Stripe_Invoice_Id__c"),
    OwnField("Stripe_Link__c", "Url", _WRITTEN),
    OwnField("Stripe_Sync_Status__c", "Picklist", _WRITTEN, values=_STATUSES),
    _text("Stripe_Sync_Message__c"),
    _text("Stripe_Sync_Remedy__c"),
    OwnField("Stripe_Synced_At__c", "DateTime", _WRITTEN),
    OwnField("Stripe_Segment_Count__c", "Number", _WRITTEN),
    _text("Stripe_Current_Segment__c", 80),
    OwnField("Stripe_Next_Change__c", "Date", _WRITTEN),
    OwnField("Stripe_MRR__c", "Currency", _WRITTEN),
    OwnField("Stripe_Hold_Sync__c", "Checkbox", "Tick it to leave the order's billing as it is.", editable=False),
    OwnField("Stripe_Skip_Past__c", "Checkbox", "Tick it not to bill time before the first sync.", editable=False),
)
_RECORD = (
    OwnField("Record_Key__c", "Text", _WRITTEN, 255, external_id=True, unique=True, required=True),
    OwnField("Order__c", "Lookup", _WRITTEN, refers="Order"),
    OwnField("Account__c", "Lookup", _WRITTEN, refers="Account"),
    OwnField("Status__c", "Picklist", _WRITTEN, values=_STATUSES),
    _text("Error_Code__c", 80),
    OwnField("Message__c", "LongTextArea", _WRITTEN, 32_768),
    OwnField("Fix_Hint__c", "LongTextArea", _WRITTEN, 32_768),
    _text("Stripe_Object_Id__c"),
    OwnField("Last_Attempt_At__c", "DateTime", _WRITTEN),
)
OWN: Mapping[str, tuple[OwnField, ...]] = MappingProxyType(
    {
        "Order": _ORDER,
        "OrderItem": (
            _id("Stripe_Price_Id__c"),
            OwnField("Stripe_Skip_Line__c", "Checkbox", "Tick it to bill the line elsewhere.", editable=False),
        ),
        "Account": (_id("Stripe_Customer_Id__c", external_id=True, unique=True), _text("Tax_Id__c", 40)),
        "Product2": (_id("Stripe_Product_Id__c", external_id=True),),
        RECORD_OBJECT: _RECORD,
    }
)


def own_fields() -> Iterator[tuple[str, OwnField]]:
    """Yield every field with its object."""
    yield from ((name, each) for name, some in OWN.items() for each in some)
