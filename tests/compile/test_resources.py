"""Stripe parameters: catalogue identity, metadata, pass-through values, customers, schedules, invoices."""

from decimal import Decimal
from typing import Any, cast

import pytest

from connector.compile.params import dig, merge_extras, omit_empty
from connector.compile.resource import DesiredState, Key, Params, Ref
from connector.domain.contract import Address, Party, TaxId
from tests.builders import END, START, amendment, compiled, coupon, day, line, once, product, ramp, tiers, usage

JULY = day(2027, 7)
HALVES = ((START, JULY, 10, 60), (JULY, END, 20, 60))


def phases_of(desired: DesiredState, schedule: str = "R1") -> list[Params]:
    resource = desired.get(Key("subscription_schedule", schedule))
    assert resource is not None
    return cast("list[Params]", resource.params["phases"])


def items_of(phase: Params) -> list[Params]:
    return cast("list[Params]", phase["items"])


def prices_of(desired: DesiredState) -> list[object]:
    """Return the price of every item, phase by phase; None where it travels inline."""
    return [dig(item, "price") for phase in phases_of(desired) for item in items_of(phase)]


def test_terms_of_a_single_phase_travel_inline():
    desired = compiled(line(quantity=5, price=100))
    (item,) = items_of(phases_of(desired)[0])
    assert item["price_data"] == {
        "currency": "usd",
        "product": Ref(Key("product", "P1")),
        "recurring": {"interval": "month", "interval_count": 12},
        "unit_amount_decimal": Decimal(10000),
    }
    assert list(desired.of("price")) == []


def test_the_same_terms_in_two_phases_are_one_price():
    desired = compiled(*ramp(*HALVES, interval=6))
    (price,) = desired.of("price")
    assert prices_of(desired) == [Ref(price.key), Ref(price.key)]
    assert price.params["lookup_key"] == price.key.name
    assert price.params["unit_amount_decimal"] == 6000


def test_a_second_line_with_equal_terms_has_its_own_price():
    desired = compiled(*ramp(*HALVES, interval=6), *ramp(*HALVES, interval=6, ref="T"))
    first, second, *later = prices_of(desired)
    assert first != second
    assert later == [first, second]
    assert len(list(desired.of("price"))) == 2


def test_content_names_do_not_depend_on_order_or_chance():
    ramps = [*ramp(*HALVES, interval=6), *ramp((START, JULY, 1, 30), (JULY, END, 2, 30), interval=6, of="P2", ref="T")]
    one, other = compiled(*ramps), compiled(*reversed(ramps))
    names = [resource.key.name for resource in one.of("price")]
    assert names == [resource.key.name for resource in other.of("price")]
    assert names == ["cn_05e8d2d2685de48b5d68b32d5340eace", "cn_a7939601487999815ed7aeeb4c6c3db3"]


@pytest.mark.parametrize(
    "fields",
    [{"price": 61}, {"of": "P2"}, {"currency": "eur"}, {"interval": 3}, {"extras": {"price": ((("nickname",), "x"),)}}],
    ids=lambda fields: next(iter(fields)),
)
def test_other_terms_are_another_price(fields):
    def name(*, price: int = 60, currency: str = "usd", **given: Any) -> str:
        segments = ramp((START, JULY, 10, price), (JULY, END, 20, price), **{"interval": 6, **given})
        (found,) = compiled(*segments, currency=currency).of("price")
        return found.key.name

    assert name(**fields) != name()


def test_values_the_mapping_sets_on_prices_are_not_lost_inline():
    desired = compiled(line(extras={"price": ((("nickname",), "Gold"),)}))
    (price,) = desired.of("price")
    assert price.params["nickname"] == "Gold"
    assert prices_of(desired) == [Ref(price.key)]


def test_usage_has_a_meter_and_a_metered_price_without_quantity():
    rates = tiers((100, "0.012", None), (None, "0.008", None))
    desired = compiled(usage(of=product("P5", name="API calls " * 30), **rates))
    (meter,), (price,) = desired.of("meter"), desired.of("price")
    (item,) = items_of(phases_of(desired)[0])
    assert "quantity" not in item
    assert item["price"] == Ref(price.key)
    assert price.params["recurring"] == {
        "interval": "month", "interval_count": 1, "usage_type": "metered", "meter": Ref(meter.key),
    }  # fmt: skip
    assert dig(meter.params, "default_aggregation", "formula") == "sum"
    assert (len(str(meter.params["display_name"])), meter.params["event_name"]) == (250, "salesforce_P5")


def test_tiers_are_written_as_stripe_writes_them():
    desired = compiled(line(quantity=5, price=0, **tiers((10, "1.25", None), (None, None, "9"))))
    (price,) = desired.of("price")
    assert (price.params["billing_scheme"], price.params["tiers_mode"]) == ("tiered", "volume")
    assert price.params["tiers"] == [
        {"up_to": 10, "unit_amount_decimal": Decimal(125)},
        {"up_to": "inf", "flat_amount_decimal": Decimal(900)},
    ]
    assert "unit_amount_decimal" not in price.params


def test_a_schedule_in_stripes_words():
    sold = [*ramp(*HALVES, interval=6, link="https://crm/S"), once(quantity=2, price=30, end=JULY)]
    made = compiled(*sold, stripe_id="sub_sched_1", discounts=[coupon()], policies={"end_behavior": "release"})
    (schedule,), (discount,) = made.of("subscription_schedule"), made.of("coupon")
    assert {key: value for key, value in schedule.params.items() if key != "phases"} == {
        "customer": Ref(Key("customer", "ACC")),
        "start_date": START,
        "end_behavior": "release",
        "billing_mode": {"type": "flexible"},
        "metadata": {"salesforce_order_id": "R1"},
    }
    assert schedule.adopt == "sub_sched_1"
    first, second = phases_of(made)
    assert (first["start_date"], first["end_date"], second["end_date"]) == (START, JULY, END)
    assert (first["proration_behavior"], second["proration_behavior"]) == ("create_prorations", "none")
    assert first["discounts"] == [{"coupon": Ref(discount.key)}]
    assert second["metadata"] == {
        "salesforce_order_id": "R1", "salesforce_segment_index": "2", "salesforce_segment_label": "Year 2",
    }  # fmt: skip
    assert items_of(first)[0]["metadata"] == {
        "salesforce_order_item_id": "S1",
        "salesforce_order_item_link": "https://crm/S",
        "salesforce_segment_key": "key S",
    }
    assert first["add_invoice_items"] == [
        {
            "price_data": {"currency": "usd", "product": Ref(Key("product", "P9")), "unit_amount_decimal": 3000},
            "quantity": 2,
            "period": {
                "start": {"type": "timestamp", "timestamp": START},
                "end": {"type": "timestamp", "timestamp": JULY},
            },
            "metadata": {"salesforce_order_item_id": "O1"},
        }
    ]
    assert "billing_cycle_anchor" not in first


def test_a_stub_starts_the_cycle_anew():
    _, stub = phases_of(compiled(line(price=180, end=day(2028, 7))))
    assert stub["billing_cycle_anchor"] == "phase_start"


@pytest.mark.parametrize(
    ("price", "quantity", "marks"),
    [
        (900, 3, {"salesforce_proration": "true"}),
        (900, -1, {"salesforce_proration": "true", "salesforce_credit": "true"}),
    ],
)
def test_changes_in_mid_period_are_marked(price, quantity, marks):
    end = day(2029)
    changed = line("L2", quantity=quantity, price=price, start=JULY, end=end, revises="L1")
    second = phases_of(compiled(line(quantity=5, end=end), changed, end=end))[1]
    (one_off,) = cast("list[Params]", second["add_invoice_items"])
    assert one_off["metadata"] == {"salesforce_order_item_id": "L2", **marks}


def test_an_invoice_is_three_steps():
    desired = compiled(once(end=JULY), stripe_id="in_1", extras={"invoice": ((("days_until_due",), 30),)})
    draft, lines, final = (next(desired.of(kind)) for kind in ("invoice", "invoice_lines", "invoice_finalization"))
    assert (draft.params["auto_advance"], draft.params["days_until_due"], draft.adopt) == (False, 30, "in_1")
    assert final.params == {"invoice": Ref(draft.key), "auto_advance": True}
    (entry,) = cast("list[Params]", lines.params["lines"])
    assert entry["period"] == {"start": START, "end": JULY}


def test_a_contract_taken_back_on_its_first_day_has_nothing_to_bill():
    desired = compiled(line(), amendment("A1", START, line("L2", quantity=-1, revises="L1")))
    assert (desired.schedules, desired.invoices) == ((), ())
    assert not [resource for resource in desired.resources if resource.key.kind.startswith("invoice")]


def test_the_prefix_of_metadata_is_the_mappings():
    desired = compiled(line(), policies={"metadata_prefix": "crm_"})
    assert phases_of(desired)[0]["metadata"] == {"crm_order_id": "R1"}


def test_customers_are_cut_to_stripes_lengths_and_empty_fields_left_out():
    party = Party(
        "ACC", "n" * 300, phone="1" * 30, description="d" * 400, address=Address(city="Bremen", country="DE"),
        shipping=Address(line1="Am Kai 1"), tax_ids=(TaxId("eu_vat", "DE123456789"),), stripe_id="cus_1",
    )  # fmt: skip
    (customer,) = compiled(line(), party=party).of("customer")
    assert customer.adopt == "cus_1"
    assert customer.params == {
        "name": "n" * 256,
        "phone": "1" * 20,
        "description": "d" * 350,
        "address": {"city": "Bremen", "country": "DE"},
        "shipping": {"name": "n" * 256, "phone": "1" * 20, "address": {"line1": "Am Kai 1"}},
        "tax_id_data": [{"type": "eu_vat", "value": "DE123456789"}],
        "metadata": {"salesforce_account_id": "ACC"},
    }


def test_products_are_made_once_under_our_own_id():
    sold = product("P1", description="Seats", stripe_id="prod_1", extras={"product": ((("unit_label",), "seat"),)})
    (found,) = compiled(line(of=sold), line("L2", of=sold)).of("product")
    assert found.adopt == "prod_1"
    assert found.params == {
        "id": "salesforce_P1", "name": "Product P1", "description": "Seats", "unit_label": "seat",
        "metadata": {"salesforce_product2_id": "P1"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "extras", "expected"),
    [
        ({"a": 1}, [(("b",), 2)], {"a": 1, "b": 2}),
        ({"a": 1}, [(("a",), 2)], {"a": 2}),
        ({}, [(("a", "b", "c"), 1), (("a", "b", "d"), 2)], {"a": {"b": {"c": 1, "d": 2}}}),
        (
            {},
            [(("s", "custom_fields", "PO"), "1"), (("s", "custom_fields", "Ref"), "2")],
            {"s": {"custom_fields": [{"name": "PO", "value": "1"}, {"name": "Ref", "value": "2"}]}},
        ),
        (
            {"custom_fields": [{"name": "PO", "value": "1"}]},
            [(("custom_fields", "PO"), "9")],
            {"custom_fields": [{"name": "PO", "value": "9"}]},
        ),
        ({}, [(("list",), ("a", "b"))], {"list": ["a", "b"]}),
        ({"a": 1}, [(("a", "b"), 2)], {"a": 1}),
    ],
    ids=["added", "replaced", "nested", "custom fields", "custom field replaced", "list", "not into a number"],
)
def test_pass_through_values_are_set_last(params, extras, expected):
    before = repr(params)
    assert merge_extras(params, extras) == expected
    assert repr(params) == before


def test_what_is_empty_is_left_out_but_not_nothing_and_no():
    assert omit_empty({"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False}) == {"e": 0, "f": False}
