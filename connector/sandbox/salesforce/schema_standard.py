"""The platform's own objects, as far as a sold contract touches them.

Names, types and which fields the platform fills are from the vendor's object reference and the recorded traffic.
"""

from __future__ import annotations

from connector.sandbox.salesforce.schema import SObject, sobject

ORGANIZATION = """
Name                    string:80       req
IsSandbox               boolean         ro
OrganizationType        picklist        ro
InstanceName            picklist        ro
TrialExpirationDate     datetime        ro
NamespacePrefix         string:15       ro
DefaultCurrencyIsoCode  picklist        ro
TimeZoneSidKey          picklist
LanguageLocaleKey       picklist
"""
USER = """
Username    string:80   req
LastName    string:80   req
FirstName   string:40
Name        string:121  ro
Email       email       req
IsActive    boolean
UserType    picklist    ro
ProfileId   string:18
"""
PERMISSION_SET = """
Name        string:80   req
Label       string:80   req
"""
PERMISSION_SET_ASSIGNMENT = """
AssigneeId      ref:User:Assignee:PermissionSetAssignments          req fixed
PermissionSetId ref:PermissionSet:PermissionSet:Assignments         req fixed
"""
ACCOUNT = """
Name                                string:255      req
ParentId                            ref:Account:Parent:ChildAccounts
MasterRecordId                      ref:Account:MasterRecord    ro
OwnerId                             ref:User:Owner
Type                                picklist:Prospect|Customer
Industry                            picklist
AccountNumber                       string:40
Phone                               phone
Website                             url
Description                         textarea
BillingAddress                      address
ShippingAddress                     address
SBQQ__RenewalModel__c               picklist:Contract_Based|Asset_Based
SBQQ__RenewalPricingMethod__c       picklist:Same|List|Uplift
SBQQ__TaxExempt__c                  picklist:Yes|No
SBQQ__ContractCoTermination__c      picklist:Never|Always|Prompt
SBQQ__CoTerminationEvent__c         picklist:Add-on|Renewal
SBQQ__PreserveBundle__c             boolean
SBQQ__AssetQuantitiesCombined__c    boolean
SBQQ__CoTermedContractsCombined__c  boolean
SBQQ__IgnoreParentContractedPrices__c boolean
"""
CONTACT = """
AccountId       ref:Account:Account:Contacts
FirstName       string:40
LastName        string:80   req
Name            string:121  ro
Salutation      picklist
Title           string:128
Email           email
IsEmailBounced  boolean     ro
Phone           phone
MailingAddress  address
OwnerId         ref:User:Owner
"""
OPPORTUNITY = """
Name                        string:120  req
AccountId                   ref:Account:Account:Opportunities
Pricebook2Id                ref:Pricebook2
OwnerId                     ref:User:Owner
ContractId                  ref:Contract
StageName                   picklist:Prospecting|Proposal|Negotiation|Closed_Won|Closed/Won|Closed_Lost  req
CloseDate                   date        req
Amount                      currency
Probability                 percent
ExpectedRevenue             currency    ro
Type                        picklist:New_Customer|Amendment|Renewal
IsClosed                    boolean     ro
IsWon                       boolean     ro
IsPrivate                   boolean
ForecastCategory            picklist    ro
ForecastCategoryName        picklist
Fiscal                      string:6    ro
FiscalQuarter               int         ro
FiscalYear                  int         ro
HasOpportunityLineItem      boolean     ro
HasOpenActivity             boolean     ro
HasOverdueTask              boolean     ro
TotalOpportunityQuantity    double
SBQQ__PrimaryQuote__c       ref:SBQQ__Quote__c
SBQQ__AmendedContract__c    ref:Contract:SBQQ__AmendedContract__r:SBQQ__AmendmentOpportunities__r
SBQQ__RenewedContract__c    ref:Contract:SBQQ__RenewedContract__r:SBQQ__RenewalOpportunities__r
SBQQ__Renewal__c            boolean
SBQQ__Ordered__c            boolean
SBQQ__Contracted__c         boolean
SBQQ__CreateContractedPrices__c boolean
"""
CONTRACT = """
ContractNumber              string:30   auto
AccountId                   ref:Account:Account:Contracts   req
OwnerId                     ref:User:Owner
StartDate                   date
EndDate                     date        ro
ContractTerm                int
Status                      picklist:Draft|In_Approval_Process|Activated
StatusCode                  picklist:Draft|In_Approval_Process|Activated    ro
SBQQ__Quote__c              ref:SBQQ__Quote__c:SBQQ__Quote__r:SBQQ__Contracts__r
SBQQ__Order__c              ref:Order:SBQQ__Order__r:SBQQ__Contracts__r
SBQQ__Opportunity__c        ref:Opportunity:SBQQ__Opportunity__r:SBQQ__Contracts__r
SBQQ__RenewalOpportunity__c ref:Opportunity
SBQQ__OpportunityPricebookId__c string:18
SBQQ__AmendmentStartDate__c date
SBQQ__AmendmentRenewalBehavior__c picklist:Latest_End_Date|Earliest_End_Date
SBQQ__MDQRenewalBehavior__c picklist:De-segmented
SBQQ__ExpirationDate__c     date
SBQQ__RenewalTerm__c        double
SBQQ__ActiveContract__c     double
SBQQ__Evergreen__c          boolean
SBQQ__DisableAmendmentCoTerm__c boolean
SBQQ__RenewalQuoted__c      boolean
SBQQ__RenewalForecast__c    boolean
SBQQ__MasterContract__c     boolean
SBQQ__SubscriptionQuantitiesCombined__c boolean
SBQQ__DefaultRenewalContactRoles__c boolean
SBQQ__DefaultRenewalPartners__c boolean
SBQQ__PreserveBundleStructureUponRenewals__c boolean
"""
ORDER = """
OrderNumber                 string:30   auto
Name                        string:80
AccountId                   ref:Account:Account:Orders      req
OpportunityId               ref:Opportunity:Opportunity:Orders
ContractId                  ref:Contract:Contract:Orders
Pricebook2Id                ref:Pricebook2
OwnerId                     ref:User:Owner
BillToContactId             ref:Contact:BillToContact
ShipToContactId             ref:Contact:ShipToContact
OriginalOrderId             ref:Order:OriginalOrder
ActivatedById               ref:User:ActivatedBy    ro
EffectiveDate               date        req
EndDate                     date
Status                      picklist!:Draft|Activated   req
StatusCode                  picklist:Draft|Activated    ro
ActivatedDate               datetime    ro
Type                        picklist:New|Amendment|Renewal
TotalAmount                 currency    ro
Description                 textarea
PoNumber                    string:80
PoDate                      date
IsReductionOrder            boolean
BillingAddress              address
ShippingAddress             address
SBQQ__Quote__c              ref:SBQQ__Quote__c:SBQQ__Quote__r:SBQQ__Orders__r
SBQQ__Contracted__c         boolean
SBQQ__ContractingMethod__c  picklist:By_Subscription_End_Date|Single_Contract
SBQQ__PaymentTerm__c        picklist:Due_on_Receipt|Net_15|Net_30|Net_45|Net_60|Net_90
SBQQ__RenewalTerm__c        double
SBQQ__RenewalUpliftRate__c  percent
SBQQ__OrderBookings__c      currency    calc
SBQQ__TaxAmount__c          currency    calc
SBQQ__PriceCalcStatus__c    picklist:Not_Needed|Queued|Failed
SBQQ__PriceCalcStatusMessage__c textarea
"""
ORDER_ITEM = """
OrderItemNumber             string:30   auto
OrderId                     ref:Order:Order:OrderItems          req fixed
Product2Id                  ref:Product2:Product2               fixed
PricebookEntryId            ref:PricebookEntry:PricebookEntry:OrderItems   req fixed
OriginalOrderItemId         ref:OrderItem:OriginalOrderItem     fixed
QuoteLineItemId             string:18
Quantity                    double      req
AvailableQuantity           double      ro
UnitPrice                   currency
ListPrice                   currency    fixed
TotalPrice                  currency    ro
ServiceDate                 date
EndDate                     date
Description                 string:255
SBQQ__QuoteLine__c          ref:SBQQ__QuoteLine__c:SBQQ__QuoteLine__r:SBQQ__OrderProducts__r
SBQQ__Contract__c           ref:Contract:SBQQ__Contract__r:SBQQ__OrderProducts__r
SBQQ__Subscription__c       ref:SBQQ__Subscription__c
SBQQ__UpgradedSubscription__c ref:SBQQ__Subscription__c
SBQQ__RevisedOrderProduct__c ref:OrderItem:SBQQ__RevisedOrderProduct__r:SBQQ__Revisions__r
SBQQ__RequiredBy__c         ref:OrderItem
SBQQ__BundleRoot__c         ref:OrderItem
SBQQ__PriceDimension__c     ref:SBQQ__Dimension__c
SBQQ__ShippingAccount__c    ref:Account
SBQQ__Asset__c              string:18
SBQQ__Activated__c          boolean
SBQQ__Contracted__c         boolean
SBQQ__Status__c             picklist:Draft|Activated
SBQQ__ContractAction__c     picklist:New|Quantity_Increase|Quantity_Decrease|Cancel|Renew|No_Change|Existing
SBQQ__ContractingMethod__c  picklist:Inherit
SBQQ__BillingFrequency__c   picklist:Monthly|Quarterly|Semiannual|Annual|Invoice_Plan
SBQQ__BillingType__c        picklist:Advance|Arrears
SBQQ__ChargeType__c         picklist:One-Time|Recurring|Usage
SBQQ__SubscriptionPricing__c picklist:Fixed_Price|Percent_Of_Total
SBQQ__SubscriptionType__c   picklist:One-time|Renewable|Evergreen|Renewable/Evergreen
SBQQ__ProductSubscriptionType__c picklist:One-time|Renewable|Evergreen|Renewable/Evergreen
SBQQ__SubscriptionTerm__c   double
SBQQ__DefaultSubscriptionTerm__c double
SBQQ__ProrateMultiplier__c  double
SBQQ__QuotedListPrice__c    currency
SBQQ__QuotedQuantity__c     double
SBQQ__OrderedQuantity__c    double
SBQQ__UnproratedNetPrice__c currency
SBQQ__PricingMethod__c      picklist:List|Cost|Block|Percent_Of_Total|Custom
SBQQ__BlockPrice__c         string:18
SBQQ__DiscountSchedule__c   string:18
SBQQ__TermDiscountSchedule__c string:18
SBQQ__PriceSchedule__c      string:18
SBQQ__SegmentIndex__c       double
SBQQ__SegmentKey__c         string:30
SBQQ__DimensionType__c      string:1300 calc
SBQQ__TerminatedDate__c     date
SBQQ__TaxCode__c            picklist
SBQQ__BookingsIndicator__c  picklist:Include|Exclude
SBQQ__OrderProductBookings__c currency  calc
SBQQ__TotalAmount__c        currency    calc
"""
PRODUCT2 = """
Name                        string:255  req
ProductCode                 string:255
Description                 textarea:4000
Family                      picklist
StockKeepingUnit            string:180
QuantityUnitOfMeasure       picklist
IsActive                    boolean
IsArchived                  boolean     ro
IsSerialized                boolean
SBQQ__BillingFrequency__c   picklist:Monthly|Quarterly|Semiannual|Annual|Invoice_Plan
SBQQ__BillingType__c        picklist:Advance|Arrears
SBQQ__ChargeType__c         picklist:One-Time|Recurring|Usage
SBQQ__SubscriptionPricing__c picklist:Fixed_Price|Percent_Of_Total
SBQQ__SubscriptionType__c   picklist:One-time|Renewable|Evergreen|Renewable/Evergreen
SBQQ__SubscriptionTerm__c   double
SBQQ__SubscriptionBase__c   picklist:List|Customer|Partner|Net
SBQQ__SubscriptionPercent__c percent
SBQQ__SubscriptionTarget__c picklist
SBQQ__PricingMethod__c      picklist:List|Cost|Block|Percent_Of_Total|Custom
SBQQ__DefaultPricingTable__c picklist:Standard|Segmented
SBQQ__DefaultQuantity__c    double
SBQQ__QuantityScale__c      double
SBQQ__QuantityEditable__c   boolean
SBQQ__PriceEditable__c      boolean
SBQQ__HasConsumptionSchedule__c boolean
SBQQ__Taxable__c            boolean
SBQQ__TaxCode__c            picklist
"""
PRICEBOOK2 = """
Name        string:255  req
Description string:255
IsActive    boolean
IsArchived  boolean     ro
IsStandard  boolean     ro
"""
PRICEBOOK_ENTRY = """
Pricebook2Id        ref:Pricebook2:Pricebook2:PricebookEntries  req fixed
Product2Id          ref:Product2:Product2:PricebookEntries      req fixed
Name                string:255  ro
ProductCode         string:255  ro
UnitPrice           currency    req
IsActive            boolean
IsArchived          boolean     ro
UseStandardPrice    boolean
"""
CONSUMPTION_SCHEDULE = """
Name                    string:255  req
Type                    picklist!:Range|Slab    req
RatingMethod            picklist:Tier   req
BillingTerm             int         req
BillingTermUnit         picklist:Month|Quarter|Year  req
IsActive                boolean
UnitOfMeasure           picklist:Each|API_call
Description             textarea
NumberOfRates           int         calc
SBQQ__Category__c       picklist:Rates|Overage
"""
CONSUMPTION_RATE = """
Name                    string:30   auto
ConsumptionScheduleId   ref:ConsumptionSchedule:ConsumptionSchedule:ConsumptionRates  req fixed
LowerBound              int         req
UpperBound              int
Price                   currency    req
PricingMethod           picklist!:PerUnit|FlatFee   req
ProcessingOrder         int         req
"""
PRODUCT_CONSUMPTION_SCHEDULE = """
ProductId               ref:Product2:Product:ProductConsumptionSchedules    req fixed
ConsumptionScheduleId   ref:ConsumptionSchedule:ConsumptionSchedule:ProductConsumptionSchedules req fixed
"""


def standard_objects() -> list[SObject]:
    """Build the platform's objects in the order a global describe would list them by use."""
    return [
        sobject("Organization", "00D", ORGANIZATION),
        sobject("User", "005", USER),
        sobject("PermissionSet", "0PS", PERMISSION_SET),
        sobject("PermissionSetAssignment", "0Pa", PERMISSION_SET_ASSIGNMENT),
        sobject("Account", "001", ACCOUNT),
        sobject("Contact", "003", CONTACT),
        sobject("Opportunity", "006", OPPORTUNITY, plural="Opportunities"),
        sobject("Contract", "800", CONTRACT, name_format="{:08d}"),
        sobject("Order", "801", ORDER, name_format="{:08d}"),
        sobject("OrderItem", "802", ORDER_ITEM, name_format="{:010d}"),
        sobject("Product2", "01t", PRODUCT2),
        sobject("Pricebook2", "01s", PRICEBOOK2),
        sobject("PricebookEntry", "01u", PRICEBOOK_ENTRY, plural="Price Book Entries"),
        sobject("ConsumptionSchedule", "0Mh", CONSUMPTION_SCHEDULE),
        sobject("ConsumptionRate", "0Mo", CONSUMPTION_RATE, name_format="R-{:06d}"),
        sobject("ProductConsumptionSchedule", "0Mq", PRODUCT_CONSUMPTION_SCHEDULE),
    ]
