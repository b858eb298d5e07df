"""The managed CPQ package's objects (namespace SBQQ), as far as billing reads them.

Field names are the package's; types and the child list names follow its object reference and the recorded traffic.
"""

from __future__ import annotations

from connector.sandbox.salesforce.schema import SObject, sobject

QUOTE = """
Name                            string:80   auto
OwnerId                         ref:User:Owner
SBQQ__Account__c                ref:Account:SBQQ__Account__r:SBQQ__R00N40000001lyLMEAY__r
SBQQ__Opportunity2__c           ref:Opportunity:SBQQ__Opportunity2__r:SBQQ__Quotes2__r
SBQQ__PrimaryContact__c         ref:Contact
SBQQ__MasterContract__c         ref:Contract:SBQQ__MasterContract__r:SBQQ__Quotes__r
SBQQ__MasterEvergreenContract__c ref:Contract
SBQQ__OriginalQuote__c          ref:SBQQ__Quote__c
SBQQ__PriceBook__c              ref:Pricebook2
SBQQ__SalesRep__c               ref:User
SBQQ__PricebookId__c            string:18
SBQQ__Type__c                   picklist:Quote|Amendment|Renewal|Re-Quote
SBQQ__Status__c                 picklist:Draft|In_Review|Approved|Presented|Accepted|Rejected
SBQQ__Primary__c                boolean
SBQQ__Ordered__c                boolean
SBQQ__StartDate__c              date
SBQQ__EndDate__c                date
SBQQ__ExpirationDate__c         date
SBQQ__FirstSegmentTermEndDate__c date
SBQQ__ProrationDayOfMonth__c    double
SBQQ__SubscriptionTerm__c       double
SBQQ__RenewalTerm__c            double
SBQQ__BillingFrequency__c       picklist:Monthly|Quarterly|Semiannual|Annual
SBQQ__PaymentTerms__c           picklist:Due_on_Receipt|Net_15|Net_30|Net_45|Net_60|Net_90
SBQQ__ContractingMethod__c      picklist:By_Subscription_End_Date|Single_Contract
SBQQ__ListAmount__c             currency    calc
SBQQ__RegularAmount__c          currency    calc
SBQQ__CustomerAmount__c         currency    calc
SBQQ__NetAmount__c              currency    calc
SBQQ__AdditionalDiscountAmount__c currency
SBQQ__CustomerDiscount__c       percent
SBQQ__LineItemCount__c          double      calc
SBQQ__BillingName__c            string:255
SBQQ__BillingStreet__c          string:255
SBQQ__BillingCity__c            string:40
SBQQ__BillingState__c           string:40
SBQQ__BillingPostalCode__c      string:20
SBQQ__BillingCountry__c         string:40
SBQQ__ShippingName__c           string:255
SBQQ__Notes__c                  textarea
SBQQ__Uncalculated__c           boolean
SBQQ__Unopened__c               boolean
SBQQ__LastSavedOn__c            datetime
SBQQ__LastCalculatedOn__c       datetime
"""
QUOTE_LINE = """
Name                            string:80   auto
SBQQ__Quote__c                  ref:SBQQ__Quote__c:SBQQ__Quote__r:SBQQ__LineItems__r    req fixed
SBQQ__Product__c                ref:Product2:SBQQ__Product__r:SBQQ__QuoteLines__r
SBQQ__Dimension__c              ref:SBQQ__Dimension__c
SBQQ__UpgradedSubscription__c   ref:SBQQ__Subscription__c
SBQQ__RenewedSubscription__c    ref:SBQQ__Subscription__c
SBQQ__RequiredBy__c             ref:SBQQ__QuoteLine__c
SBQQ__PricebookEntryId__c       string:18
SBQQ__ProductName__c            string:1300 calc
SBQQ__ProductCode__c            string:1300 calc
SBQQ__Description__c            textarea
SBQQ__Number__c                 double
SBQQ__Quantity__c               double
SBQQ__PriorQuantity__c          double
SBQQ__EffectiveQuantity__c      double      calc
SBQQ__ListPrice__c              currency
SBQQ__OriginalPrice__c          currency
SBQQ__SpecialPrice__c           currency
SBQQ__ProratedListPrice__c      currency
SBQQ__ProratedPrice__c          currency
SBQQ__RegularPrice__c           currency
SBQQ__CustomerPrice__c          currency
SBQQ__PartnerPrice__c           currency
SBQQ__NetPrice__c               currency
SBQQ__ListTotal__c              currency    calc
SBQQ__RegularTotal__c           currency    calc
SBQQ__CustomerTotal__c          currency    calc
SBQQ__PartnerTotal__c           currency    calc
SBQQ__NetTotal__c               currency    calc
SBQQ__Discount__c               percent
SBQQ__AdditionalDiscount__c     currency    calc
SBQQ__AdditionalDiscountAmount__c currency
SBQQ__TotalDiscountRate__c      percent     calc
SBQQ__TotalDiscountAmount__c    currency    calc
SBQQ__Uplift__c                 percent
SBQQ__UpliftAmount__c           currency
SBQQ__PreviousSegmentPrice__c   currency
SBQQ__PreviousSegmentUplift__c  percent
SBQQ__ProrateMultiplier__c      double
SBQQ__StartDate__c              date
SBQQ__EndDate__c                date
SBQQ__EffectiveStartDate__c     date        calc
SBQQ__EffectiveEndDate__c       date        calc
SBQQ__SubscriptionTerm__c       double
SBQQ__DefaultSubscriptionTerm__c double
SBQQ__EffectiveSubscriptionTerm__c double   calc
SBQQ__SegmentIndex__c           double
SBQQ__SegmentKey__c             string:30
SBQQ__SegmentLabel__c           string:40
SBQQ__BillingFrequency__c       picklist:Monthly|Quarterly|Semiannual|Annual|Invoice_Plan
SBQQ__BillingType__c            picklist:Advance|Arrears
SBQQ__ChargeType__c             picklist:One-Time|Recurring|Usage
SBQQ__SubscriptionPricing__c    picklist:Fixed_Price|Percent_Of_Total
SBQQ__SubscriptionType__c       picklist:One-time|Renewable|Evergreen|Renewable/Evergreen
SBQQ__ProductSubscriptionType__c picklist:One-time|Renewable|Evergreen|Renewable/Evergreen
SBQQ__SubscriptionBase__c       picklist:List|Customer|Partner|Net
SBQQ__SubscriptionScope__c      picklist:Quote|Group
SBQQ__PricingMethod__c          picklist:List|Cost|Block|Percent_Of_Total|Custom
SBQQ__TaxCode__c                picklist
SBQQ__Existing__c               boolean
SBQQ__Renewal__c                boolean
SBQQ__Bundle__c                 boolean
SBQQ__Bundled__c                boolean
SBQQ__Optional__c               boolean
SBQQ__Hidden__c                 boolean
SBQQ__Taxable__c                boolean
SBQQ__CarryoverLine__c          boolean
SBQQ__HasConsumptionSchedule__c boolean
"""
SUBSCRIPTION = """
Name                            string:80   auto
SBQQ__Account__c                ref:Account:SBQQ__Account__r:SBQQ__Subscriptions__r
SBQQ__Contract__c               ref:Contract:SBQQ__Contract__r:SBQQ__Subscriptions__r
SBQQ__Product__c                ref:Product2
SBQQ__QuoteLine__c              ref:SBQQ__QuoteLine__c
SBQQ__OriginalQuoteLine__c      ref:SBQQ__QuoteLine__c
SBQQ__OrderProduct__c           ref:OrderItem:SBQQ__OrderProduct__r:SBQQ__Subscriptions__r
SBQQ__RevisedSubscription__c    ref:SBQQ__Subscription__c
SBQQ__Dimension__c              ref:SBQQ__Dimension__c
SBQQ__RootId__c                 string:255  ext
SBQQ__Quantity__c               double
SBQQ__StartDate__c              date        calc
SBQQ__EndDate__c                date        calc
SBQQ__SubscriptionStartDate__c  date
SBQQ__SubscriptionEndDate__c    date
SBQQ__TerminatedDate__c         date
SBQQ__RenewedDate__c            date
SBQQ__SegmentIndex__c           double
SBQQ__SegmentKey__c             string:30
SBQQ__SegmentLabel__c           string:25
SBQQ__SegmentStartDate__c       date
SBQQ__SegmentEndDate__c         date
SBQQ__SegmentQuantity__c        double
SBQQ__SegmentUplift__c          percent
SBQQ__SegmentUpliftAmount__c    currency
SBQQ__NetPrice__c               currency
SBQQ__ListPrice__c              currency
SBQQ__CustomerPrice__c          currency
SBQQ__RegularPrice__c           currency
SBQQ__RenewalPrice__c           currency
SBQQ__RenewalQuantity__c        double
SBQQ__ProrateMultiplier__c      double
SBQQ__BillingFrequency__c       picklist
SBQQ__BillingType__c            picklist
SBQQ__SubscriptionPricing__c    picklist
SBQQ__SubscriptionType__c       picklist
SBQQ__ProductSubscriptionType__c picklist
SBQQ__ProductName__c            string:1300 calc
SBQQ__ContractNumber__c         string:1300 calc
SBQQ__DimensionType__c          string:1300 calc
SBQQ__Number__c                 double
SBQQ__Bundle__c                 boolean
SBQQ__Bundled__c                boolean
SBQQ__HasConsumptionSchedule__c boolean
"""
DIMENSION = """
Name                    string:80   req
SBQQ__Product__c        ref:Product2:SBQQ__Product__r:SBQQ__Dimensions__r   req
SBQQ__Type__c           picklist:Year|Quarter|Month|Custom|One_Time
SBQQ__PriceBook__c      ref:Pricebook2
SBQQ__UnitPrice__c      currency
SBQQ__DefaultQuantity__c double
SBQQ__PriceEditable__c  picklist:Inherit|Yes|No
SBQQ__CostEditable__c   picklist:Inherit|Yes|No
SBQQ__QuantityEditable__c picklist:Inherit|Yes|No
SBQQ__NonDiscountable__c picklist:Inherit|Yes|No
SBQQ__NonPartnerDiscountable__c picklist:Inherit|Yes|No
SBQQ__Taxable__c        picklist:Inherit|Yes|No
"""
ITEM_SCHEDULE = """
Name                        string:80   req
SBQQ__OrderItem__c          ref:OrderItem:SBQQ__OrderItem__r:SBQQ__OrderItemConsumptionSchedules__r    req fixed
SBQQ__ConsumptionSchedule__c ref:ConsumptionSchedule
SBQQ__Type__c               picklist:Range|Slab
SBQQ__RatingMethod__c       picklist:Tier
SBQQ__BillingTerm__c        double
SBQQ__BillingTermUnit__c    picklist:Month|Quarter|Year
SBQQ__Category__c           picklist:Rates|Overage
SBQQ__UnitOfMeasure__c      picklist
"""
ITEM_RATE = """
Name                        string:80   auto
SBQQ__OrderItemConsumptionSchedule__c ref:SBQQ__OrderItemConsumptionSchedule__c::SBQQ__OrderItemConsumptionRates__r req
SBQQ__LowerBound__c         double
SBQQ__UpperBound__c         double
SBQQ__Price__c              currency
SBQQ__PricingMethod__c      picklist:PerUnit|FlatFee
SBQQ__ProcessingOrder__c    double
"""


def cpq_objects() -> list[SObject]:
    """Build the package's objects; their key prefixes differ from org to org, these are the emulated org's."""
    return [
        sobject("SBQQ__Quote__c", "a0z", QUOTE, name_format="Q-{:05d}"),
        sobject("SBQQ__QuoteLine__c", "a0v", QUOTE_LINE, name_format="QL-{:07d}"),
        sobject("SBQQ__Subscription__c", "a1B", SUBSCRIPTION, name_format="SUB-{:07d}"),
        sobject("SBQQ__Dimension__c", "a0D", DIMENSION),
        sobject("SBQQ__OrderItemConsumptionSchedule__c", "a0Z", ITEM_SCHEDULE),
        sobject("SBQQ__OrderItemConsumptionRate__c", "a0Y", ITEM_RATE, name_format="R-{:06d}"),
    ]
