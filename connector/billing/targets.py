"""The Stripe parameters that a mapping file may name: read off the typed dicts of the installed SDK.

A new parameter is known as soon as the SDK is upgraded. The only list kept here is what the connector fills itself,
with what to map instead.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from stripe._request_options import RequestOptions
from stripe.params import (
    CouponCreateParams,
    CustomerCreateParams,
    CustomerModifyParams,
    InvoiceCreateParams,
    PriceCreateParams,
    ProductCreateParams,
    ProductModifyParams,
    SubscriptionScheduleCreateParams,
    SubscriptionScheduleCreateParamsPhase,
    SubscriptionScheduleCreateParamsPhaseAddInvoiceItem,
    SubscriptionScheduleCreateParamsPhaseItem,
    SubscriptionScheduleModifyParams,
)

from connector.mapping.targets import Targets

_KINDS: Mapping[str, type] = {
    "customer": CustomerCreateParams,
    "product": ProductCreateParams,
    "price": PriceCreateParams,
    "subscription_schedule": SubscriptionScheduleCreateParams,
    "phase": SubscriptionScheduleCreateParamsPhase,
    "item": SubscriptionScheduleCreateParamsPhaseItem,
    "one_off": SubscriptionScheduleCreateParamsPhaseAddInvoiceItem,
    "invoice": InvoiceCreateParams,
    "coupon": CouponCreateParams,
}

#: Objects that an update changes in part, so that leaving a value out does not empty it.
_UPDATES: Mapping[str, type] = {
    "customer": CustomerModifyParams,
    "product": ProductModifyParams,
    "subscription_schedule": SubscriptionScheduleModifyParams,
}

_TEMPLATE = (
    "Stripe takes the invoice template of subscriptions from the customer: "
    "map invoice_settings.rendering_options.template of the customer."
)
_PREBILLING = "Prebilling is a preview: write it in section preview."
_ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "subscription_schedule": {
        "default_settings.invoice_settings.rendering": _TEMPLATE,
        "prebilling": _PREBILLING,
    },
    "phase": {"invoice_settings.rendering": _TEMPLATE},
}

_LINES = "It follows from the lines of the contract."
_ITEM = {
    "price": _LINES,
    "price_data": _LINES,
    "quantity": 'Map "quantity" in section "line".',
    "discounts": 'Map section "discount".',
}
_OWNED: Mapping[str, Mapping[str, str]] = {
    "customer": {"tax_id_data": 'Map "tax_id" in section "party".', "test_clock": "Test clocks belong to the sandbox."},
    "product": {"id": "It follows from the CRM id.", "default_price_data": _LINES},
    "price": {
        "active": _LINES,
        "currency": 'Map "currency" in section "contract".',
        "currency_options": 'Map "currency" in section "contract".',
        "lookup_key": "It follows from the terms of the price.",
        "transfer_lookup_key": "It follows from the terms of the price.",
        "product": 'Map section "product".',
        "product_data": 'Map section "product".',
        "recurring.interval": 'Map "interval" in section "line".',
        "recurring.interval_count": 'Map "interval" in section "line".',
        "recurring.usage_type": 'Map "usage" in section "line".',
        "tiers": 'Map section "tier".',
        "tiers_mode": 'Map "mode" in section "tier_schedule".',
        "unit_amount": 'Map "unit_price" or "period_price" in section "line".',
        "unit_amount_decimal": 'Map "unit_price" or "period_price" in section "line".',
    },
    "subscription_schedule": {
        "billing_mode": 'Set "billing_mode" in section "policies".',
        "customer": 'Map section "party".',
        "customer_account": 'Map section "party".',
        "end_behavior": 'Set "end_behavior" in section "policies".',
        "from_subscription": "Schedules are never made from subscriptions.",
        "phases": 'Phases follow from the lines; parameters of every phase go to kind "phase".',
        "start_date": 'Map "start" in section "contract".',
    },
    "phase": {
        "add_invoice_items": 'Parameters of one-off items go to kind "one_off".',
        "currency": 'Map "currency" in section "contract".',
        "discounts": 'Map section "discount".',
        "duration": _LINES,
        "end_date": _LINES,
        "items": 'Parameters of items go to kind "item".',
        "proration_behavior": 'Set "proration" in section "policies".',
    },
    "item": {**_ITEM, "plan": _LINES},
    "one_off": {**_ITEM, "period": _LINES},
    "invoice": {
        "currency": 'Map "currency" in section "contract".',
        "customer": 'Map section "party".',
        "customer_account": 'Map section "party".',
        "discounts": 'Map section "discount".',
        "subscription": _LINES,
    },
    "coupon": {
        "amount_off": 'Map "amount" in section "discount".',
        "currency": 'Map "currency" in section "discount".',
        "currency_options": 'Map "currency" in section "discount".',
        "duration": 'Map "duration" in section "discount".',
        "duration_in_months": 'Map "months" in section "discount".',
        "id": "It follows from the terms of the discount.",
        "max_redemptions": 'Map "max_redemptions" in section "discount".',
        "percent_off": 'Map "percent" in section "discount".',
    },
}

#: Of every request rather than of one object; `expand` is for readers of the answer.
_REQUEST = frozenset(RequestOptions.__annotations__) | {"expand"}
#: Names in the hints of RequestOptions that the modules of its subclasses do not import.
_REQUEST_NAMES = {"Mapping": Mapping, "StripeContext": object}
_NAMED_LISTS = frozenset(["custom_fields"])


@cache
def sdk_targets() -> Targets:
    """Return the parameters of the installed SDK by kind of object."""
    known = {kind: frozenset(_paths(shape)) for kind, shape in _KINDS.items()}
    clearable = {kind: frozenset(_clearable(shape)) & known[kind] for kind, shape in _UPDATES.items()}
    return Targets(
        MappingProxyType(known), MappingProxyType(_OWNED), MappingProxyType(clearable), MappingProxyType(_ELSEWHERE)
    )


def _clearable(shape: type) -> Iterator[str]:
    """Yield the parameters of an update whose type allows the empty text, which unsets them; metadata by its key."""
    for name, hint in get_type_hints(shape, localns=_REQUEST_NAMES).items():
        if name == "metadata":
            yield "metadata.*"
        elif name not in _REQUEST:
            if "" in _words(hint):
                yield name
            for option in _options(hint):
                yield from (f"{name}.{path}" for path in (_clearable(option) if _is_table(option) else ()))


def _words(hint: Any) -> Iterator[Any]:
    """Yield the words of the literals among the alternatives of a hint."""
    if str(get_origin(hint)).endswith(".Literal"):
        yield from get_args(hint)
    elif get_origin(hint) not in {list, dict, None}:
        for part in get_args(hint):
            yield from _words(part)


def _paths(shape: type) -> Iterator[str]:
    for name, hint in get_type_hints(shape, localns=_REQUEST_NAMES).items():
        if name not in _REQUEST:
            yield from (f"{name}{rest}" for rest in _below(name, hint))


def _below(name: str, hint: Any) -> Iterator[str]:
    """Yield what may follow a parameter: nothing for a plain one, the parts of a table, a star for free names."""
    options = tuple(_options(hint))
    tables = [option for option in options if _is_table(option)]
    if tables:
        for table in tables:
            yield from (f".{path}" for path in _paths(table))
    elif any(get_origin(option) is dict for option in options):
        yield ".*" if name == "metadata" else ""
    elif any(get_origin(option) is list and any(map(_is_table, _options(get_args(option)[0]))) for option in options):
        if name in _NAMED_LISTS:
            yield ".*"
    else:
        yield ""


def _is_table(hint: Any) -> bool:
    """Tell typed dicts apart; the SDK takes them from typing_extensions, which `typing.is_typeddict` may not know."""
    return isinstance(hint, type) and issubclass(hint, dict) and hasattr(hint, "__total__")


def _options(hint: Any) -> Iterator[Any]:
    """Yield the alternatives of a union, NotRequired and Required stripped."""
    if hint is type(None):
        return
    origin = get_origin(hint)
    if origin in {list, dict} or origin is None or not get_args(hint):
        yield hint
    elif str(origin).endswith(".Literal"):
        yield origin
    else:
        for part in get_args(hint):
            yield from _options(part)
