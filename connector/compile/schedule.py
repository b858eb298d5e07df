"""ScheduleSpec and InvoiceSpec → Stripe parameters (create shape; `plan/` cuts them for updates)."""

from collections import Counter
from typing import cast

from connector.compile.catalog import PriceBook, coupon_resource, product_key
from connector.compile.collection import paid_by
from connector.compile.customer import customer_key
from connector.compile.params import merge_extras, metadata, omit_empty
from connector.compile.resource import Key, Params, Ref, Resource, Value
from connector.compile.spec import InvoiceSpec, ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec
from connector.domain.contract import Contract, Discount


def schedule_key(spec: ScheduleSpec) -> Key:
    """Return the key of a schedule: the first order's id, and the frequency where a contract has several."""
    return Key("subscription_schedule", spec.key)


def schedule_resource(contract: Contract, spec: ScheduleSpec, prices: PriceBook) -> Resource:
    """Return one subscription schedule, billing_mode explicit (new accounts default to flexible, old objects stay)."""
    params: dict[str, Value] = {
        "customer": Ref(customer_key(contract)),
        "start_date": spec.start,
        "end_behavior": spec.end_behavior,
        "billing_mode": {"type": contract.policies.billing_mode},
        "metadata": metadata(
            contract,
            "order",
            contract.ref,
            contract.link,
            schedule_key=_linked_key(contract, spec),
            renews_order_id=contract.renews,
            renewed_by_order_id=contract.renewed_by,
        ),
        "phases": [_phase(contract, phase, prices) for phase in spec.phases],
    }
    merged = _collected(merge_extras(params, contract.extras.get("subscription_schedule", ())), spec)
    adopt = contract.stripe_id if spec.key == contract.ref else None
    return Resource(schedule_key(spec), merged, adopt=adopt)


def _collected(params: dict[str, Value], spec: ScheduleSpec) -> dict[str, Value]:
    """Return a schedule's parameters with how its lines are paid."""
    settings = paid_by(cast("Params", params.get("default_settings", {})), spec.collection)
    phases = cast("list[Params]", params["phases"])
    told = [paid_by(one, spec.collection) if "collection_method" in one else one for one in phases]
    return {**params, **({"default_settings": settings} if settings else {}), "phases": cast("Value", told)}


def _linked_key(contract: Contract, spec: ScheduleSpec) -> str | None:
    """Return what tells the linked schedules of one contract apart; a single schedule needs no more than its order."""
    return None if spec.key == contract.ref else spec.key


def invoice_resources(contract: Contract, spec: InvoiceSpec) -> tuple[Resource, ...]:
    """Return a draft, its lines and its finalization: three steps, each safe to repeat.

    Pending items of the customer stay out of it (`pending_invoice_items_behavior`): an order bills what it sold.
    """
    draft = Key("invoice", spec.key)
    params: dict[str, Value] = {
        "customer": Ref(customer_key(contract)),
        "currency": spec.currency,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "discounts": _discounts(contract, spec.discounts),
        "metadata": metadata(contract, "order", contract.ref, contract.link),
    }
    told = paid_by(merge_extras(omit_empty(params), contract.extras.get("invoice", ())), spec.collection)
    lines: list[Value] = [_one_off(contract, line, kind="invoice_line") for line in spec.lines]
    return (
        Resource(draft, told, adopt=contract.stripe_id if spec.key == contract.ref else None),
        Resource(Key("invoice_lines", spec.key), {"invoice": Ref(draft), "lines": lines}),
        Resource(Key("invoice_finalization", spec.key), {"invoice": Ref(draft), "auto_advance": True}),
    )


def _phase(contract: Contract, phase: PhaseSpec, prices: PriceBook) -> Params:
    revision = next(r for r in contract.revisions if r.ref == phase.revision)
    seen: Counter[object] = Counter()
    items: list[Value] = []
    for item in phase.items:
        items.append(_item(contract, item, prices, seen[item.terms]))
        seen[item.terms] += 1
    params: dict[str, Value] = {
        "start_date": phase.period.start,
        "end_date": phase.period.end,
        "proration_behavior": _proration(contract, phase),
        "billing_cycle_anchor": "phase_start" if phase.restarts_cycle else None,
        "metadata": metadata(
            contract,
            "order",
            revision.ref,
            revision.link,
            segment_index=phase.segment_index,
            segment_label=phase.segment_label,
        ),
        "items": items,
        "add_invoice_items": [
            _one_off(contract, one_off, kind="one_off") for one_off in phase.one_offs if one_off.way == "invoice"
        ],
        "discounts": _discounts(contract, phase.discounts),
    }
    return merge_extras(omit_empty(params), contract.extras.get("phase", ()))


def _proration(contract: Contract, phase: PhaseSpec) -> str:
    """Return what the beginning of a phase does: a first phase bills time since a start that is past."""
    if phase.bills_from_start:
        return "create_prorations"
    if not phase.prorates:
        return "none"
    return "always_invoice" if contract.policies.correction == "now" else "create_prorations"


def _item(contract: Contract, item: ItemSpec, prices: PriceBook, ordinal: int) -> Params:
    line = item.line
    params: dict[str, Value] = {
        **prices.item_price(item, ordinal),
        "quantity": item.quantity,
        "metadata": metadata(
            contract, "order_item", line.ref, line.link, segment_key=line.segment.key if line.segment else None
        ),
        "discounts": _discounts(contract, item.discounts),
    }
    merged = {key: value for key, value in params.items() if value is not None and value != []}
    return merge_extras(merged, line.extras.get("item", ()))


def _one_off(contract: Contract, one_off: OneOffSpec, *, kind: str) -> Params:
    line = one_off.line
    marks = {"proration": "true"} if one_off.reason in {"proration", "credit", "stub"} else {}
    marks |= {"credit": "true"} if one_off.reason == "credit" else {}
    params: dict[str, Value] = {
        "price_data": {
            "currency": contract.currency,
            "product": Ref(product_key(line.product.ref)),
            "unit_amount_decimal": one_off.unit_amount,
        },
        "quantity": one_off.quantity,
        "period": _service_period(one_off, nested=kind == "one_off"),
        "metadata": metadata(contract, "order_item", line.ref, line.link, **marks),
        "discounts": _discounts(contract, one_off.discounts),
        "discountable": None if one_off.discountable else False,
    }
    extras = line.extras.get("one_off", ()) if kind == "one_off" else ()
    return merge_extras(omit_empty(params), extras)


def _service_period(one_off: OneOffSpec, *, nested: bool) -> Params | None:
    period = one_off.period
    if period is None:
        return None
    if not nested:
        return {"start": period.start, "end": period.end}
    return {
        "start": {"type": "timestamp", "timestamp": period.start},
        "end": {"type": "timestamp", "timestamp": period.end},
    }


def _discounts(contract: Contract, discounts: tuple[Discount, ...]) -> list[Value]:
    return [{"coupon": Ref(coupon_resource(discount, contract).key)} for discount in discounts]
