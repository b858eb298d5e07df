"""Limits the request types do not state: lengths, counts, ranges (stripe.com/docs/api, field by field)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.stripe.errors import exclusive, malformed
from connector.sandbox.stripe.money import CURRENCIES

MAX_LENGTH = {
    ("customers", "name"): 256,
    ("customers", "business_name"): 150,
    ("customers", "email"): 512,
    ("customers", "phone"): 20,
    ("products", "name"): 250,
    ("products", "description"): 40_000,
    ("products", "unit_label"): 12,
    ("products", "statement_descriptor"): 22,
    ("prices", "lookup_key"): 200,
    ("prices", "nickname"): 5000,
    ("coupons", "name"): 40,
    ("coupons", "id"): 200,
    ("products", "id"): 255,
    ("subscription_schedules", "description"): 500,
    ("subscriptions", "description"): 500,
    ("invoices", "description"): 1500,
}
MAX_ITEMS = {
    "phases": 10,
    "items": 20,
    "add_invoice_items": 20,
    "pause_schedules": 1,
    "lookup_keys": 10,
    "discounts": 20,
}
INTERVAL_CAPS = {"year": 3, "month": 36, "week": 156, "day": 1095}
INTERVAL_WORDS = {"year": "yearly", "month": "monthly", "week": "weekly", "day": "daily"}


def check_limits(collection: str, params: dict[str, Any]) -> None:
    """Check everything that can be checked without looking at stored objects."""
    _walk(collection, params, "")


def _walk(collection: str, node: Any, path: str) -> None:
    if isinstance(node, list):
        for index, item in enumerate(node):
            _walk(collection, item, f"{path}[{index}]")
        return
    if not isinstance(node, dict):
        return
    _check_exclusive(node, path)
    for name, value in node.items():
        where = f"{path}[{name}]" if path else name
        if name == "metadata":
            check_metadata(value, where)
            continue
        if name == "custom_fields" and value:
            _check_custom_fields(value, where)
        _check_length(MAX_LENGTH.get((collection, name)), value, where)
        _check_count(name, value, where)
        _check_scalar(name, value, node, where)
        _walk(collection, value, where)


def _check_exclusive(node: dict[str, Any], path: str) -> None:
    for pair in (("unit_amount", "unit_amount_decimal"), ("price", "price_data"), ("end_date", "duration")):
        if all(name in node for name in pair):
            raise exclusive(*pair, param=path or None)


def check_metadata(value: Any, path: str) -> None:
    """Hold metadata to 50 keys of 40 characters with values of 500 (stripe.com/docs/api/metadata)."""
    if not isinstance(value, dict):
        return
    if len(value) > 50:
        raise malformed(f"Metadata can have up to 50 keys, but you've set {len(value)}.", path)
    for key, text in value.items():
        if len(key) > 40:
            raise malformed(
                f"Metadata keys can have up to 40 characters, but you passed in a key that is {len(key)} characters. "
                f"Invalid key: {key}",
                path,
            )
        if len(text) > 500:
            raise malformed(
                f"Metadata values can have up to 500 characters, but you passed in a value that is {len(text)} "
                f"characters. Invalid value: {text}",
                f"{path}[{key}]",
            )


def merge_metadata(stored: dict[str, str], given: Any) -> dict[str, str]:
    """Apply metadata parameters: a value sets, an empty value unsets its key, an empty string unsets all."""
    if given == "":
        return {}
    merged = {**stored, **(given or {})}
    return {key: value for key, value in merged.items() if value != ""}


def _check_custom_fields(fields: list[dict[str, Any]], path: str) -> None:
    _count_at_most(4, fields, path)
    for index, entry in enumerate(fields):
        _check_length(40, entry.get("name"), f"{path}[{index}][name]")
        _check_length(140, entry.get("value"), f"{path}[{index}][value]")


def _check_length(limit: int | None, value: Any, path: str) -> None:
    if limit and isinstance(value, str) and len(value) > limit:
        shown = f"{value[:4]}...{value[-4:]}"
        raise malformed(f"Invalid string: {shown}; must be at most {limit} characters", path)


def _check_count(name: str, value: Any, path: str) -> None:
    if name != "phases" and isinstance(value, list) and name in MAX_ITEMS:
        _count_at_most(MAX_ITEMS[name], value, path)


def _count_at_most(limit: int, value: list[Any], path: str) -> None:
    if len(value) > limit:
        raise malformed(f"Array {path} exceeded maximum {limit} allowed elements.", path)


def check_phase_count(phases: list[Any]) -> None:
    """Hold current and future phases to 10; past ones do not count."""
    _count_at_most(MAX_ITEMS["phases"], phases, "phases")


def _check_scalar(name: str, value: Any, node: dict[str, Any], path: str) -> None:
    if name == "currency" and value and value.lower() not in CURRENCIES:
        known = ", ".join(sorted(CURRENCIES - {"usd"}))
        raise malformed(f"Invalid currency: {value}. Stripe currently supports these currencies: usd, {known}", path)
    if path in {"unit_amount", "amount_off"} and isinstance(value, int) and value < 0:
        message = "Invalid non-negative integer"
        raise malformed(message, path)
    if name == "quantity" and value != "" and value < 0:
        message = "This value must be greater than or equal to 0."
        raise malformed(message, path)
    if name == "interval_count":
        _check_interval_count(node.get("interval"), value, path)
    if name in {"amount_off", "duration_in_months", "days_until_due"} and value != "" and value < 1:
        message = "This value must be greater than or equal to 1."
        raise malformed(message, path)


def _check_interval_count(interval: str | None, value: int, path: str) -> None:
    if value < 1:
        message = "This value must be greater than or equal to 1."
        raise malformed(message, path)
    if path.endswith("[recurring][interval_count]") or path == "recurring[interval_count]":
        cap = INTERVAL_CAPS.get(interval or "", value)
        if value > cap:
            words = INTERVAL_WORDS[interval or ""]
            raise malformed(f"The interval_count for {words} prices can't be greater than {cap}", path)
