"""The Stripe parameters a mapping may name, as the installed SDK has them."""

import pytest

from connector.billing.targets import sdk_targets
from connector.mapping.slots import CONTRACT_KINDS, LINE_KINDS
from connector.mapping.targets import split_target


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("customer", "email"),
        ("customer", "address.postal_code"),
        ("customer", "shipping.address.line1"),
        ("customer", "metadata.region"),
        ("customer", "metadata.with.points"),
        ("customer", "preferred_locales"),
        ("customer", "invoice_settings.custom_fields.Supplier number"),
        ("subscription_schedule", "default_settings.collection_method"),
        ("subscription_schedule", "default_settings.invoice_settings.days_until_due"),
        ("subscription_schedule", "default_settings.invoice_settings.custom_fields.PO number"),
        ("subscription_schedule", "default_settings.automatic_tax.enabled"),
        ("phase", "invoice_settings.days_until_due"),
        ("phase", "trial_end"),
        ("item", "metadata.cost_center"),
        ("item", "tax_rates"),
        ("one_off", "metadata.cost_center"),
        ("price", "tax_behavior"),
        ("price", "billing_scheme"),
        ("product", "tax_code"),
        ("invoice", "custom_fields.PO number"),
        ("invoice", "footer"),
        ("coupon", "name"),
    ],
)
def test_known(kind: str, path: str) -> None:
    assert sdk_targets().check(kind, path) is None


@pytest.mark.parametrize(
    ("kind", "path", "hint"),
    [
        ("customer", "adress.city", "Did you mean: address.city"),
        ("customer", "address.zip", "address has: city, country, line1, line2, postal_code, state."),
        ("customer", "address", "It has parts: city, country"),
        ("customer", "metadata", "It has parts: <name>."),
        ("customer", "expand", "See Stripe's API reference"),
        ("customer", "api_key", "See Stripe's API reference"),
        ("phase", "days_until_due", "Did you mean: invoice_settings.days_until_due?"),
        ("price", "recurring.interval", 'Map "interval" in section "line".'),
        ("price", "unit_amount", 'Map "unit_price" or "period_price" in section "line".'),
        ("subscription_schedule", "phases", "Phases follow from the lines"),
        ("subscription_schedule", "phases.items", "Phases follow from the lines"),
        ("item", "price_data.currency", "It follows from the lines of the contract."),
        ("coupon", "percent_off", 'Map "percent" in section "discount".'),
        ("nothing", "x", "See Stripe's API reference"),
    ],
)
def test_refused(kind: str, path: str, hint: str) -> None:
    found = sdk_targets().check(kind, path)
    assert found is not None
    assert found.startswith(hint)


def test_every_kind_of_the_grammar_has_parameters() -> None:
    targets = sdk_targets()
    assert set(targets.known) == set(CONTRACT_KINDS + LINE_KINDS)
    assert all(len(paths) > 5 for paths in targets.known.values())


def test_what_the_connector_sets_exists_in_the_sdk() -> None:
    """An entry the SDK no longer knows is dead, and one that was renamed would let the new name through."""
    targets = sdk_targets()
    listed = {"tiers", "phases", "add_invoice_items", "discounts", "items", "price_data", "tax_id_data"}
    for kind, owned in targets.owned.items():
        for path in owned:
            inside = any(name == path or name.startswith(f"{path}.") for name in targets.known[kind])
            assert inside or path.rpartition(".")[2] in listed, (kind, path)


def test_free_names_keep_their_points() -> None:
    assert split_target("metadata.po.number") == ("metadata", "po.number")
    assert split_target("a.custom_fields.No. of PO") == ("a", "custom_fields", "No. of PO")
    assert split_target("a.b.c") == ("a", "b", "c")
    assert split_target("metadata") == ("metadata",)
