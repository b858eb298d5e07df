"""What Stripe answers reads like what was sent: every shape of order, in several zones, now and years later."""

from dataclasses import replace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from connector.billing.normalize import current_start, schedule_params
from connector.compile.resource import Key
from connector.crm.protocol import ContractRef
from connector.sandbox.seed import MISTAKES, ORDERS
from connector.sync import Desk, plan_contracts
from tests.wiring import World

SOUND = [name for name in ORDERS if name not in MISTAKES]
UTC = ZoneInfo("UTC")


def _in_zone(desk: Desk, zone: str) -> Desk:
    return replace(desk, account=replace(desk.account, zone=ZoneInfo(zone)))


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_live_read_finds_nothing_to_change(world: World, zone: str):
    desk = _in_zone(world.desk(), zone)
    assert {result.outcome for result in world.sync(desk, *SOUND)} == {"applied"}
    refs = [ContractRef("salesforce", ORDERS[name]) for name in SOUND]
    for days in (0, 40, 400):  # nothing has begun, the first phases run, some are over
        world.later(24 * days)
        reads = len(world.stripe_calls())
        planned = list(plan_contracts(desk, refs, live=True))
        plans = [one.plan for one in planned if one.plan]
        assert len(plans) == len(SOUND)
        assert [(plan.contract.key, plan.operations) for plan in plans if plan.operations or plan.issues] == []
        assert len(world.stripe_calls()) - reads == len(SOUND) - 1, "one read each, none for the order sold once"


PRICE = {"id": "price_1", "currency": "usd", "product": "prod_1", "unit_amount_decimal": "1000.00"}
RECURRING = {"recurring": {"interval": "month", "interval_count": 3, "usage_type": "licensed"}}


def _phase(**fields: object) -> dict[str, object]:
    given: dict[str, object] = {
        "start_date": 1798761600,
        "end_date": 1830297600,
        "proration_behavior": "none",
        "billing_cycle_anchor": None,
        "metadata": {},
        "discounts": [],
        "items": [],
        "add_invoice_items": [],
        "description": None,
        "trial_end": None,
    }
    return {**given, **fields}


def _read(*phases: dict[str, object], **fields: object) -> dict[str, Any]:
    names = {"prod_1": Key("product", "P1"), "cp_1": Key("coupon", "C1")}
    answer = {"end_behavior": "cancel", "phases": list(phases), **fields}
    return cast("dict[str, Any]", schedule_params(answer, names, UTC))


def test_what_stripe_filled_in_is_left_out():
    read = _read(_phase(), metadata=None, default_settings={"collection_method": "send_invoice", "on_behalf_of": None})
    assert read == {
        "end_behavior": "cancel",
        "metadata": {},
        "default_settings": {"collection_method": "send_invoice"},
        "phases": [{"start_date": "2027-01-01", "end_date": "2028-01-01", "proration_behavior": "none"}],
        "price_ids": {},
    }


def test_an_inline_price_is_read_back_by_its_terms_and_its_id_is_kept():
    item = {"price": {**PRICE, **RECURRING, "lookup_key": None}, "quantity": 2, "metadata": {"a": "b"}, "discounts": []}
    read = _read(_phase(items=[item]))
    (phase,) = read["phases"]
    data = {
        "currency": "usd",
        "product": {"$ref": "product/P1"},
        "recurring": {"interval": "month", "interval_count": 3},
        "unit_amount_decimal": "1000",
    }
    assert phase["items"] == [{"price_data": data, "quantity": 2, "metadata": {"a": "b"}}]
    assert list(read["price_ids"].values()) == [["price_1"]]


def test_a_metered_price_of_ours_is_known_by_its_lookup_key_and_has_no_quantity():
    metered = {**PRICE, "lookup_key": "cn_ab", "recurring": {"interval": "month", "usage_type": "metered"}}
    item = {"price": metered, "metadata": {}, "discounts": []}
    (phase,) = _read(_phase(items=[item]))["phases"]
    assert phase["items"] == [{"price": {"$ref": "price/cn_ab"}}]


def test_a_price_with_somebody_elses_lookup_key_is_read_by_its_terms():
    item = {"price": {**PRICE, **RECURRING, "lookup_key": "standard_monthly"}, "quantity": 1}
    (phase,) = _read(_phase(items=[item]))["phases"]
    assert phase["items"][0]["price_data"]["unit_amount_decimal"] == "1000"


def test_one_off_items_keep_their_period_and_coupons_their_names():
    edges = {"start": {"type": "timestamp", "timestamp": 1798761600}, "end": {"type": "phase_end", "timestamp": None}}
    one_off = {"price": PRICE, "quantity": 1, "period": edges, "discounts": [{"coupon": "cp_1"}, {"coupon": None}]}
    phase = _phase(add_invoice_items=[one_off], discounts=[{"coupon": {"id": "cp_1"}}, {"coupon": "theirs"}])
    (read,) = _read(phase)["phases"]
    assert read["discounts"] == [{"coupon": {"$ref": "coupon/C1"}}, {"coupon": "theirs"}]
    (held,) = read["add_invoice_items"]
    assert held["discounts"] == [{"coupon": {"$ref": "coupon/C1"}}]
    assert held["period"] == {"start": {"type": "timestamp", "timestamp": "2027-01-01"}, "end": {"type": "phase_end"}}


def test_settings_of_a_phase_that_the_mapping_may_set_are_read():
    settings = {"days_until_due": 30, "account_tax_ids": None}
    (read,) = _read(_phase(collection_method="send_invoice", description="Year 1", invoice_settings=settings))["phases"]
    assert read["collection_method"] == "send_invoice"
    assert read["description"] == "Year 1"


@pytest.mark.parametrize(("current", "day"), [(None, None), ({"start_date": 1798761600}, "2027-01-01")])
def test_the_running_phase_is_told_by_its_first_day(current: dict[str, int] | None, day: str | None):
    found = current_start({"current_phase": current}, UTC)
    assert (found.isoformat() if found else None) == day
