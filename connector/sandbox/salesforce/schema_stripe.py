"""Fields and objects that billing adds to an org: coupons sold on quotes and orders, and what is written back.

The coupon objects are those of the recorded traffic; the write-back fields are what the connector's setup creates.
"""

from __future__ import annotations

from connector.sandbox.salesforce.schema import Schema, SObject, sobject
from connector.sandbox.salesforce.schema_cpq import cpq_objects
from connector.sandbox.salesforce.schema_standard import standard_objects

SYNC_STATUS = "picklist!:Pending|In_Progress|Synced|Partially_Synced|Failed|Blocked|Skipped"

WRITE_BACK: dict[str, str] = {
    "Account": """
        Stripe_Customer_Id__c       string:255  ext uniq
        Tax_Id__c                   string:40
    """,
    "Product2": "Stripe_Product_Id__c string:255 ext",
    "PricebookEntry": "Stripe_Price_Id__c string:255 ext",
    "OrderItem": """
        Stripe_Price_Id__c          string:255
        Stripe_Skip_Line__c         boolean
    """,
    "Order": f"""
        Stripe_Schedule_Id__c       string:255  ext
        Stripe_Subscription_Id__c   string:255
        Stripe_Invoice_Id__c        string:255
        Stripe_Link__c              url
        Stripe_Sync_Status__c       {SYNC_STATUS}
        Stripe_Sync_Message__c      string:255
        Stripe_Sync_Remedy__c       string:255
        Stripe_Synced_At__c         datetime
        Stripe_Segment_Count__c     double
        Stripe_Current_Segment__c   string:80
        Stripe_Next_Change__c       date
        Stripe_MRR__c               currency
        Stripe_Hold_Sync__c         boolean
        Stripe_Skip_Past__c         boolean
    """,
}

COUPON = """
Name                        string:80   auto
Name__c                     string:255
Percent_Off__c              percent
Amount_Off__c               currency
Duration__c                 picklist:once|repeating|forever
Duration_In_Months__c       double
Max_Redemptions__c          double
"""
ORDER_COUPON = """
Order__c                    ref:Order:Order__r:Order_Stripe_Coupons__r
Order_Item__c               ref:OrderItem:Order_Item__r:Order_Stripe_Coupons__r
Quote_Stripe_Coupon_Id__c   string:18
Stripe_Coupon_Id__c         string:255
"""
QUOTE_ASSOCIATION = """
Name                        string:80   auto
Quote__c                    ref:SBQQ__Quote__c:Quote__r:Quote_Stripe_Coupon_Associations__r   req fixed
Quote_Stripe_Coupon__c      ref:Quote_Stripe_Coupon__c:Quote_Stripe_Coupon__r:Quote_Stripe_Coupon_Associations__r req
"""
QUOTE_LINE_ASSOCIATION = """
Name                        string:80   auto
Quote_Line__c               ref:SBQQ__QuoteLine__c:Quote_Line__r:Quote_Line_Stripe_Coupon_Associations__r req fixed
Quote_Stripe_Coupon__c      ref:Quote_Stripe_Coupon__c::Quote_Line_Stripe_Coupon_Associations__r req
"""
SYNC_RECORD = """
Name                        string:80   auto
Record_Key__c               string:255  ext uniq req
Source_Object__c            string:80
Source_Id__c                string:18
Order__c                    ref:Order:Order__r:Stripe_Sync_Records__r
Opportunity__c              ref:Opportunity:Opportunity__r:Stripe_Sync_Records__r
Account__c                  ref:Account:Account__r:Stripe_Sync_Records__r
Status__c                   picklist!:Pending|Synced|Failed|Blocked|Skipped|Resolved
Severity__c                 picklist!:Info|Warning|Error
Error_Code__c               string:80
Error_Category__c           picklist!:Data|Config|Salesforce|Stripe|Internal
Message__c                  textarea:32768
Fix_Hint__c                 textarea:32768
Doc_Link__c                 url
Stripe_Object_Id__c         string:255
Stripe_Request_Id__c        string:255
Stripe_Request_Link__c      url
Attempt__c                  double
First_Failed_At__c          datetime
Last_Attempt_At__c          datetime
Next_Retry_At__c            datetime
Resolved_At__c              datetime
Correlation_Id__c           string:64
Payload_Digest__c           string:64
Connector_Version__c        string:20
"""


def stripe_objects() -> list[SObject]:
    """Build the custom objects of billing."""
    return [
        sobject("Quote_Stripe_Coupon__c", "a1R", COUPON, name_format="{:04d}"),
        sobject("Order_Stripe_Coupon__c", "a1N", COUPON + ORDER_COUPON, name_format="{:04d}"),
        sobject("Quote_Stripe_Coupon_Association__c", "a1Q", QUOTE_ASSOCIATION, name_format="{:04d}"),
        sobject("Quote_Line_Stripe_Coupon_Association__c", "a1P", QUOTE_LINE_ASSOCIATION, name_format="{:04d}"),
        sobject("Stripe_Sync_Record__c", "a1W", SYNC_RECORD, name_format="SR-{:06d}"),
    ]


def default_schema(*, multi_currency: bool = True, write_back: bool = True) -> Schema:
    """Build the emulated org's schema: platform, CPQ and, unless setup has yet to run, the write-back fields."""
    schema = Schema([*standard_objects(), *cpq_objects(), *stripe_objects()], multi_currency=multi_currency)
    if not write_back:
        del schema.objects["stripe_sync_record__c"]
        return schema
    for name, table in WRITE_BACK.items():
        for line in filter(None, map(str.strip, table.splitlines())):
            schema.add_field(name, line)
    return schema
