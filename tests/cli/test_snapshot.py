"""`connector snapshot`: the file plans like the contract it was taken of, and can be given away."""

import json
from pathlib import Path

import pytest

from connector.sandbox.seed import MISTAKES
from connector.sandbox.seed.customers import CUSTOMERS
from tests.cli.conftest import Shop

SHAPES = ("ramp", "one_time", "usage", "coupons", "gap")


@pytest.mark.parametrize("redact", [[], ["--redact"]], ids=["as it is", "redacted"])
def test_the_file_gives_the_same_plan_as_the_crm(shop: Shop, tmp_path: Path, redact: list[str]):
    live = shop.run("plan", "--json", *(shop.orders[name] for name in SHAPES)).document["plans"]
    assert len(live) == len(SHAPES)
    for plan in live:
        ran = shop.run("snapshot", plan["contract"]["key"].removeprefix("salesforce:"), *redact)
        assert (ran.code, ran.err) == (0, "")
        path = tmp_path / "contract.json"
        path.write_text(ran.out, encoding="utf-8")
        offline = shop.bare("plan", "--records", str(path), "--json").document
        assert _comparable(offline, redacted=bool(redact)) == _comparable(plan, redacted=bool(redact))


def _comparable(plan: dict[str, object], *, redacted: bool) -> object:
    """Return the plan; of a redacted one only what money and time are made of."""
    if not redacted:
        return plan
    kept = {name: plan[name] for name in ("contract", "tie_out", "billing", "verdict")}
    return json.loads(json.dumps(kept), object_hook=lambda o: {k: v for k, v in o.items() if k not in {"text", "name"}})


def test_a_redacted_file_names_nobody(shop: Shop):
    texts = "".join(shop.run("snapshot", order, "--redact").out for order in shop.orders.values())
    for customer in CUSTOMERS.values():
        for word in (customer.name, customer.email, customer.street, customer.last_name):
            assert word not in texts, word
    assert shop.salesforce.url not in texts
    assert "instance_url" not in texts


def test_the_same_contract_is_the_same_file(shop: Shop):
    assert shop.run("snapshot", shop.orders["coupons"]) == shop.run("snapshot", shop.orders["coupons"])


def test_a_contract_with_a_mistake_can_be_taken_too(shop: Shop):
    for name in MISTAKES:
        assert json.loads(shop.run("snapshot", shop.orders[name]).out)["root"]["id"] == shop.orders[name]


def test_ids_and_amounts_stay(shop: Shop):
    whole = json.loads(shop.run("snapshot", shop.orders["ramp"]).out)["records"]
    shared = json.loads(shop.run("snapshot", shop.orders["ramp"], "--redact").out)["records"]
    assert shared["OrderItem"] == whole["OrderItem"]
    assert {table: sorted(rows) for table, rows in shared.items()} == {t: sorted(rows) for t, rows in whole.items()}
