"""Usage rates and coupons."""

from decimal import Decimal
from typing import Any

import pytest

from connector.domain.contract import Discount, Tier, TiersMode
from connector.domain.issues import IssueCode
from connector.mapping.raw import RawLine, RawRecord
from tests.mapping.builders import LINE, item, line_of, order, product, raw, read, record, said

SCHEDULE, RATES = "0Mh000000000001AAA", ("0Mo000000000001AAA", "0Mo000000000002AAA", "0Mo000000000003AAA")
COPY, COUPON = "a0Z000000000001AAA", "a1N000000000001AAA"


def schedule(ref: str = SCHEDULE, **changed: Any) -> RawRecord:
    return record("ConsumptionSchedule", ref, {"Type": "Range", "RatingMethod": "Tier", "IsActive": True} | changed)


def rate(number: int, upper: object, price: object, method: object = "PerUnit") -> RawRecord:
    return record("ConsumptionRate", RATES[number], {"UpperBound": upper, "Price": price, "PricingMethod": method})


def tiered(*rates: RawRecord, schedules: tuple[RawRecord, ...] | None = None, **changed: Any) -> RawLine:
    return RawLine(
        item(SBQQ__BillingType__c="Arrears", **changed), (schedule(),) if schedules is None else schedules, rates
    )


GOOD = (rate(2, None, 30.0), rate(0, 2, 10.0), rate(1, "10.0", 20.0))


def test_bounds_touch_and_the_upper_one_is_the_next_tiers() -> None:
    line = line_of(tiered(*GOOD))
    assert line.tiers == (Tier(1, Decimal("10.0")), Tier(9, Decimal("20.0")), Tier(None, Decimal("30.0")))
    assert line.tiers_mode is TiersMode.VOLUME
    assert line.rated


def test_slabs_are_graduated_and_flat_fees_are_flat() -> None:
    line = line_of(tiered(rate(0, 11, 100, "FlatFee"), rate(1, None, 9), schedules=(schedule(Type="Slab"),)))
    assert line.tiers == (Tier(10, flat_price=Decimal(100)), Tier(None, unit_price=Decimal(9)))
    assert line.tiers_mode is TiersMode.GRADUATED


def test_negotiated_rates_have_names_of_their_own() -> None:
    copy = record(
        "SBQQ__OrderItemConsumptionSchedule__c", COPY, {"SBQQ__Type__c": "Slab", "SBQQ__RatingMethod__c": "Tier"}
    )
    fields = {"SBQQ__UpperBound__c": None, "SBQQ__Price__c": 7, "SBQQ__PricingMethod__c": "PerUnit"}
    line = line_of(RawLine(item(), (copy,), (record("SBQQ__OrderItemConsumptionRate__c", COPY, fields),)))
    assert (line.tiers, line.tiers_mode) == ((Tier(None, Decimal(7)),), TiersMode.GRADUATED)


def test_a_rated_line_needs_no_price_of_its_own() -> None:
    assert line_of(tiered(*GOOD, UnitPrice=None, TotalPrice=None)).unit_price == 0


@pytest.mark.parametrize(
    ("line", "code", "at", "field"),
    [
        (tiered(rate(0, 2, 10), rate(1, 10, 20)), "TIERS_OPEN", LINE, None),
        (tiered(rate(0, None, 10), rate(1, None, 20)), "TIERS_INVALID", LINE, None),
        (tiered(rate(0, 2.5, 10), rate(1, None, 20)), "TIERS_INVALID", RATES[0], "UpperBound"),
        (tiered(rate(0, 1, 10), rate(1, None, 20)), "TIERS_INVALID", RATES[0], "UpperBound"),
        (tiered(rate(0, None, None)), "TIERS_INVALID", RATES[0], "Price"),
        (tiered(rate(0, None, 1, "Percent")), "TIERS_INVALID", RATES[0], "PricingMethod"),
        (tiered(*GOOD, schedules=(schedule(RatingMethod="Volume"),)), "TIERS_INVALID", SCHEDULE, "RatingMethod"),
        (tiered(*GOOD, schedules=(schedule(Type="Block"),)), "TIERS_INVALID", SCHEDULE, "Type"),
        (tiered(*GOOD, schedules=(schedule(Type=None),)), "TIERS_INVALID", SCHEDULE, "Type"),
        (tiered(*GOOD, schedules=(schedule(IsActive=False),)), "TIERS_INVALID", SCHEDULE, "IsActive"),
        (tiered(*GOOD, schedules=()), "TIERS_INVALID", LINE, None),
        (tiered(*GOOD, schedules=(schedule(), schedule(COPY))), "TIERS_INVALID", LINE, None),
        (tiered(*GOOD, schedules=(record("Rates__c", COPY, {}),)), "TIERS_INVALID", COPY, None),
        (tiered(record("Rate__c", COPY, {})), "TIERS_INVALID", COPY, None),
        (tiered(), "TIERS_MISSING", LINE, None),
    ],
)
def test_rates_that_cannot_be_billed(line: RawLine, code: str, at: str, field: str | None) -> None:
    assert said(read(raw(line))) == [(IssueCode(code), at, field)]


def test_a_product_with_rates_needs_them() -> None:
    has_rates = product(SBQQ__HasConsumptionSchedule__c=True)
    assert said(read(raw(item(), records=(has_rates,)))) == [(IssueCode.TIERS_MISSING, LINE, None)]
    changed = ("stripe:\n", "stripe:\n  price: {billing_scheme: {from: Scheme__c}}\n")
    assert said(read(raw(item(Scheme__c="tiered")), changed)) == [(IssueCode.TIERS_MISSING, LINE, None)]
    assert said(read(raw(item(Scheme__c="per_unit")), changed)) == []


def coupon(**changed: Any) -> RawRecord:
    fields = {"Name__c": "Ten off", "Amount_Off__c": 10.0, "Duration__c": "once"} | changed
    return record("Order_Stripe_Coupon__c", COUPON, fields)


def test_discounts_of_an_order_and_of_a_line() -> None:
    percent = coupon(Amount_Off__c=None, Percent_Off__c=25.55, Duration__c="repeating", Duration_In_Months__c=2.0)
    contract = read(raw(RawLine(item(), discounts=(percent,)), discounts=(coupon(Max_Redemptions__c=3.0),))).contract
    assert contract is not None
    assert contract.revisions[0].discounts == (
        Discount(COUPON, "Ten off", None, Decimal("10.0"), "usd", "once", None, 3),
    )
    assert contract.lines[0].discounts == (Discount(COUPON, "Ten off", Decimal("25.55"), None, None, "repeating", 2),)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"Amount_Off__c": None}, "Percent_Off__c"),
        ({"Percent_Off__c": 5}, "Percent_Off__c"),
        ({"Amount_Off__c": None, "Percent_Off__c": 101}, "Percent_Off__c"),
        ({"Amount_Off__c": None, "Percent_Off__c": 0}, "Percent_Off__c"),
        ({"Amount_Off__c": 0}, "Amount_Off__c"),
        ({"Amount_Off__c": "ten"}, "Amount_Off__c"),
        ({"CurrencyIsoCode": "EUR"}, "CurrencyIsoCode"),
        ({"CurrencyIsoCode": "ABC"}, "CurrencyIsoCode"),
        ({"Duration__c": None}, "Duration__c"),
        ({"Duration__c": "yearly"}, "Duration__c"),
        ({"Duration__c": "repeating"}, "Duration_In_Months__c"),
    ],
)
def test_discounts_that_cannot_be_given(changed: dict[str, Any], field: str) -> None:
    reading = read(raw(item(), first=order(), discounts=(coupon(**changed),)))
    assert said(reading) == [(IssueCode.DISCOUNT_INVALID, COUPON, field)]
    assert reading.contract is not None
    assert reading.contract.revisions[0].discounts == ()


def test_a_kind_of_discount_nobody_mapped_is_not_lost() -> None:
    reading = read(raw(item(), discounts=(record("Promotion__c", COUPON, {}),)))
    assert said(reading) == [(IssueCode.DISCOUNT_INVALID, COUPON, None)]
