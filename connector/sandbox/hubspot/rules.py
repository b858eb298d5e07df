"""What a record as a whole has to satisfy: stages, prices, billing periods, and the account's own rules."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.arithmetic import CYCLE_DAYS, parse_period
from connector.sandbox.hubspot.errors import fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connector.sandbox.hubspot.portal import Portal
    from connector.sandbox.hubspot.schema import ObjectType


def record_faults(
    kind: ObjectType, values: Mapping[str, str], given: Mapping[str, Any], portal: Portal, version: str
) -> list[dict[str, Any]]:
    """Return everything wrong with a record after a write."""
    found: list[dict[str, Any]] = []
    if kind.name == "deals" and {"dealstage", "pipeline"} & given.keys():
        found += _stage(values, portal)
    if kind.name in {"line_items", "products"}:
        found += _price(values)
    if kind.name == "line_items":
        found += _period(values)
    for rule in portal.rules:
        found += rule.faults(kind, values, version)
    return found


def _stage(values: Mapping[str, str], portal: Portal) -> Iterator[dict[str, Any]]:
    name, stage = values.get("pipeline", "default"), values.get("dealstage", "")
    pipeline = portal.pipeline(name)
    if pipeline is None:
        known = ", ".join(each.id for each in portal.pipelines)
        yield fault("pipeline", "INVALID_OPTION", f"{name} was not one of the allowed options: [{known}]")
    elif stage and pipeline.stage(stage) is None:
        known = ", ".join(each.id for each in pipeline.stages)
        yield fault("dealstage", "INVALID_OPTION", f"{stage} is not a stage of pipeline {name}: [{known}]")


def _price(values: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name in ("price", "discount", "hs_discount_percentage"):
        if values.get(name) and Decimal(values[name]) < 0:
            yield fault(name, "INVALID_NUMBER", f"{name} must not be negative")


def _period(values: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Weeks want days, everything else wants months (seen in accounts)."""
    text, frequency = values.get("hs_recurring_billing_period", ""), values.get("recurringbillingfrequency", "")
    if not text:
        return
    period = parse_period(text)
    if period is None:
        yield fault("hs_recurring_billing_period", "INVALID_OPTION", f"{text} is not an ISO 8601 period")
    elif frequency and (bool(period.months) if frequency in CYCLE_DAYS else bool(period.days)):
        yield fault(
            "hs_recurring_billing_period",
            "BILLING_PERIOD_TO_FREQUENCY_FORM_MISMATCH",
            f"a period of {text} does not go with billing {frequency}",
        )
