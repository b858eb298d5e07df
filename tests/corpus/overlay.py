"""The settings of a recorded test (its mapped fields and defaults), written as a mapping file of ours."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from connector.billing.targets import sdk_targets
from connector.mapping.grammar import load_mapping
from connector.mapping.mapping_file import MappingFile

MAPPING = Path(__file__).resolve().parents[2] / "mappings" / "salesforce-cpq-changeover.yaml"

_KINDS = {
    "customer": "customer",
    "product": "product",
    "price": "price",
    "price_order_item": "price",
    "subscription_schedule": "subscription_schedule",
    "subscription_item": "item",
    "coupon": "coupon",
}
#: Settings that today's public API has no parameter for.
GONE = {"prebilling.iterations": "prebilling is no part of Stripe's public API; the schedule is the same without it"}


def mapping_for(config: dict[str, Any], *, tiered: bool = False) -> tuple[MappingFile, list[str]]:
    """Return the default mapping with a recording's own settings on top, and what could not be expressed, with reasons.

    The recorded connector charges automatically unless a setting says otherwise; `tiered` repeats a test that forces
    the billing scheme of every price.
    """
    yaml = YAML(typ="safe", pure=True)
    document = yaml.load(MAPPING.read_text(encoding="utf-8"))
    stripe = document["stripe"]
    stripe["subscription_schedule"] = {}
    stripe["invoice"] = {}
    reasons: list[str] = []
    for source, as_rule in (("field_mappings", str), ("field_defaults", _const)):
        for owner, fields in (config.get(source) or {}).items():
            for target, value in fields.items():
                reasons += _put(document, owner, target, value, as_rule)
    if tiered:
        stripe.setdefault("price", {})["billing_scheme"] = {"const": "tiered"}
    text = io.StringIO()
    yaml.dump(document, text)
    loaded = load_mapping(text.getvalue(), name="recorded settings", targets=sdk_targets())
    if loaded.mapping is None:
        raise AssertionError("\n".join(problem.render() for problem in loaded.problems))
    return loaded.mapping, reasons


def _put(document: dict[str, Any], owner: str, target: str, value: Any, as_rule: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{owner}.{target}: the recording does not hold the value of this setting"]
    if target in GONE:
        return [GONE[target]]
    if (owner, target) == ("customer", "email"):
        document["party"]["email"] = _from_account(value) if as_rule is str else _const(value)
        return []
    if (owner, target) == ("price_order_item", "unit_amount_decimal"):
        document["line"]["period_price"] = value
        return []
    rule = _from_account(value) if owner == "customer" and as_rule is str else as_rule(value)
    if target.endswith("days_until_due"):
        rule = {"from": rule, "as": "net_terms"} if isinstance(rule, str) else {**rule, "as": "net_terms"}
    document["stripe"].setdefault(_KINDS[owner], {})[target] = rule
    return []


def _from_account(path: str) -> str:
    """Customer fields of the recorded connector start at the account, ours at the order."""
    return f"Account.{path}"


def _const(value: Any) -> Any:
    return {"const": value if isinstance(value, str | int | bool) else str(value)}
