"""The settings of a recorded test (its mapped fields and defaults), written as a mapping file of ours."""

import json
from functools import cache
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
    "subscription_phase": "phase",
    "subscription_item": "item",
    "coupon": "coupon",
    "invoice": "invoice",
}
TEMPLATE = "the template is set on the customer, where the public API has it; Stripe refuses one that it does not have"
UNRESOLVED = "the recording does not hold the value of a setting that the test made up"
PREBILLING = "prebilling is no part of Stripe's public API; the schedule is the same without it"
NO_SCHEDULE = "settings of subscriptions without a schedule: ours always have one"
_TEMPLATE_TARGET = "default_settings.invoice_settings.rendering.template"
_VALUE = ".custom_fields.value"
#: Settings (or beginnings of settings) that cannot be expressed, with the reason.
GONE = {
    "sbc_termination.": "metadata that is written when lines are terminated is not supported yet",
}


def mapping_for(
    config: dict[str, Any], *, tiered: bool = False, preview: bool = False
) -> tuple[MappingFile, list[str]]:
    """Return the default mapping with a recording's own settings on top, and what could not be expressed, with reasons.

    The recorded connector charges automatically unless a setting says otherwise; `tiered` repeats a test that forces
    the billing scheme of every price. A date from which orders are taken over means that the past was billed elsewhere.
    With `preview` parameters are set that Stripe's public API does not know; without it they are left out.
    """
    document = json.loads(_default())
    document["preview"] = {"subscription_schedule": {}}
    stripe = document["stripe"]
    stripe["subscription_schedule"] = {}
    stripe["invoice"] = {}
    reasons: list[str] = []
    for source, as_rule in (("field_mappings", str), ("field_defaults", _const)):
        for owner, fields in (config.get(source) or {}).items():
            for target, value in _named(fields).items():
                reasons += _put(document, owner, target, value, as_rule)
    if tiered:
        stripe.setdefault("price", {})["billing_scheme"] = {"const": "tiered"}
    if not preview and document.pop("preview")["subscription_schedule"]:
        reasons.append(PREBILLING)
    if "sync_start_date" in (config.get("settings") or {}):
        document["policies"]["backdated_start"] = "skip"
    return _loaded(json.dumps(document, ensure_ascii=False)), list(dict.fromkeys(reasons))


@cache
def _default() -> str:
    """Return the default mapping as JSON, which is YAML too."""
    return json.dumps(YAML(typ="safe", pure=True).load(MAPPING.read_text(encoding="utf-8")), ensure_ascii=False)


@cache
def _loaded(text: str) -> MappingFile:
    """Load a mapping file; most recordings have the same settings."""
    loaded = load_mapping(text, name="recorded settings", targets=sdk_targets())
    if loaded.mapping is None:
        raise AssertionError("\n".join(problem.render() for problem in loaded.problems))
    return loaded.mapping


def _put(document: dict[str, Any], owner: str, target: str, value: Any, as_rule: Any) -> list[str]:
    gone = next((reason for start, reason in GONE.items() if target.startswith(start)), None)
    if gone:
        return [gone]
    if owner not in _KINDS:
        return [NO_SCHEDULE if owner == "subscription" else f"no place for settings of a {owner}"]
    if isinstance(value, dict):
        return [UNRESOLVED]
    reasons = [TEMPLATE] if target == _TEMPLATE_TARGET else []
    if target.startswith("prebilling."):
        document["preview"]["subscription_schedule"][target] = {**_const(value), "as": ["nonzero", "whole_number"]}
    elif target == _TEMPLATE_TARGET:
        document["stripe"].setdefault("customer", {})["invoice_settings.rendering_options.template"] = as_rule(value)
    elif (owner, target) == ("customer", "email"):
        document["party"]["email"] = _from_account(value) if as_rule is str else _const(value)
    elif (owner, target) == ("price_order_item", "unit_amount_decimal"):
        document["line"]["period_price"] = value
    else:
        _pass_through(document, owner, target, value, as_rule)
    return reasons


def _pass_through(document: dict[str, Any], owner: str, target: str, value: Any, as_rule: Any) -> None:
    rule = _from_account(value) if owner == "customer" and as_rule is str else as_rule(value)
    if target.endswith("days_until_due"):
        rule = {"from": rule, "as": "net_terms"} if isinstance(rule, str) else {**rule, "as": "net_terms"}
    document["stripe"].setdefault(_KINDS[owner], {})[target] = rule


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with a custom field's name and value, which are two settings there, as one of ours."""
    named = {key: fields[key] for key in fields if key.endswith(".custom_fields.name")}
    found = {key: value for key, value in fields.items() if not key.endswith((".custom_fields.name", _VALUE))}
    for key, name in named.items():
        found[f"{key.removesuffix('name')}{name}"] = fields[key.removesuffix(".name") + ".value"]
    return found


def _from_account(path: str) -> str:
    """Customer fields of the recorded connector start at the account, ours at the order."""
    return f"Account.{path}"


def _const(value: Any) -> Any:
    return {"const": value if isinstance(value, str | int | bool) else str(value)}
