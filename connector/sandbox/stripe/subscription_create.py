"""Making a subscription without a schedule (stripe.com/docs/api/subscriptions/create)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.billing import interval_of
from connector.sandbox.stripe.customers import living_customer
from connector.sandbox.stripe.discounts import check_discounts, start_discounts
from connector.sandbox.stripe.errors import StripeError, exclusive, invalid, not_emulated
from connector.sandbox.stripe.invoice_life import finalize
from connector.sandbox.stripe.item_changes import set_cancel_date
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.payments import check_method, paying_method
from connector.sandbox.stripe.phase_items import Context, build_extra, build_item, check_currency, check_intervals
from connector.sandbox.stripe.phases import automatic_tax
from connector.sandbox.stripe.schedule_create import billing_mode, check_customer
from connector.sandbox.stripe.subscription_start import Opening, bill_start, open_subscription
from connector.sandbox.stripe.subscription_update import named_end
from connector.sandbox.stripe.subscriptions import add_extras

if TYPE_CHECKING:
    from connector.sandbox.stripe.endpoint import Call
    from connector.sandbox.stripe.state import Object, Tenant

SUPPORTED = frozenset(
    {
        "add_invoice_items",
        "automatic_tax",
        "backdate_start_date",
        "billing_cycle_anchor",
        "billing_mode",
        "cancel_at",
        "cancel_at_period_end",
        "collection_method",
        "currency",
        "customer",
        "days_until_due",
        "default_payment_method",
        "description",
        "discounts",
        "expand",
        "invoice_settings",
        "items",
        "metadata",
        "proration_behavior",
    }
)


def create(call: Call) -> Object:
    """Make a subscription and its first invoice."""
    params, tenant = call.params, call.tenant
    strange = sorted(params.keys() - SUPPORTED)
    if strange:
        raise not_emulated(f"making a subscription with {', '.join(strange)}")
    for name in ("customer", "items"):
        if not params.get(name):
            raise invalid(f"Missing required param: {name}.", name, code="parameter_missing")
    customer = living_customer(tenant, params["customer"], "customer")
    at = tenant.clock_of(customer).now()
    mode = billing_mode(params.get("billing_mode"), at)
    context = Context(tenant, at, mode["type"], {}, customer["id"])
    items, extras, currency = _items(context, params)
    method = _collection_method(tenant, params, customer)
    taxed = automatic_tax(params.get("automatic_tax"))
    check_customer(tenant, customer, [{"currency": currency, "automatic_tax": taxed}])
    start, anchor = _grid(params, context, items, at)
    opening = Opening(customer, currency, mode, items, start=start, anchor=anchor, first_period=start)
    sub = open_subscription(tenant, opening, at)
    _settings(tenant, sub, params, at)
    sub["collection_method"] = method
    sub["automatic_tax"] = taxed or sub["automatic_tax"]
    _cancel_date(sub, params, at)
    add_extras(tenant, sub, {"start_date": at, "end_date": at, "add_invoice_items": extras}, at)
    invoice = bill_start(tenant, sub, params.get("proration_behavior", "create_prorations"), at)
    if invoice and method == "charge_automatically":
        _charge_first(tenant, customer, sub, invoice, at)
    if sub["cancel_at_period_end"]:
        set_cancel_date(sub, named_end(sub, "min_period_end"), at)
        tenant.clock_of(sub).plan("cancel", sub["cancel_at"], sub["id"])
    events.record(tenant, "created", sub, at)
    return sub


def _charge_first(tenant: Tenant, customer: Object, sub: Object, invoice: Object, at: int) -> None:
    """Charge the first invoice at once, where that of a schedule stays a draft for an hour."""
    if invoice["total"] > 0 and not paying_method(tenant, customer, sub):
        message = (
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method."
        )
        raise StripeError(message, code="resource_missing")
    finalize(tenant, invoice, at)


def _items(context: Context, params: dict[str, Any]) -> tuple[list[Object], list[Object], str]:
    items = [build_item(context, entry, f"items[{i}]") for i, entry in enumerate(params["items"])]
    given = params.get("add_invoice_items") or []
    extras = [build_extra(context, entry, f"add_invoice_items[{i}]") for i, entry in enumerate(given)]
    prices = [context.tenant.objects["price"][item["price"]] for item in items]
    check_intervals(context, prices, "items")
    currency = (params.get("currency") or prices[0]["currency"]).lower()
    check_currency(context, currency, [*items, *extras])
    return items, extras, currency


def _collection_method(tenant: Tenant, params: dict[str, Any], customer: Object) -> str:
    """Check how invoices are to be paid: by a method that is there, or within some days."""
    method: str = params.get("collection_method", "charge_automatically")
    if method == "send_invoice":
        if params.get("days_until_due") is None:
            message = "You must set `days_until_due` when `collection_method` is `send_invoice`."
            raise invalid(message, "days_until_due")
        return method
    check_method(tenant, params.get("default_payment_method"), customer["id"], "default_payment_method")
    return method


def _grid(params: dict[str, Any], context: Context, items: list[Object], at: int) -> tuple[int, int]:
    """Find since when a subscription is billed, and where its periods meet."""
    start = params.get("backdate_start_date", at)
    if start > at:
        message = "`backdate_start_date` cannot be in the future."
        raise invalid(message, "backdate_start_date")
    anchor = params.get("billing_cycle_anchor", start)
    if "billing_cycle_anchor" in params:
        _check_anchor(context, items, anchor, at)
    return start, anchor


def _check_anchor(context: Context, items: list[Object], anchor: int, at: int) -> None:
    prices = context.tenant.objects["price"]
    latest = min(interval_of(prices[item["price"]]).after(at) for item in items)
    if not at <= anchor <= latest:
        message = (
            f"`billing_cycle_anchor` must be a timestamp from now on, and not later than the next natural billing date "
            f"({latest})."
        )
        raise invalid(message, "billing_cycle_anchor")


def _settings(tenant: Tenant, sub: Object, params: dict[str, Any], at: int) -> None:
    sub["days_until_due"] = params.get("days_until_due")
    sub["description"] = params.get("description") or None
    sub["default_payment_method"] = params.get("default_payment_method") or None
    sub["metadata"] = merge_metadata({}, params.get("metadata"))
    for name in ("custom_fields", "description", "footer"):
        sub["invoice_settings"][name] = (params.get("invoice_settings") or {}).get(name) or None
    entries = check_discounts(tenant, params.get("discounts"), "discounts", sub["currency"], at)
    owner = {"customer": sub["customer"], "subscription": sub["id"]}
    sub["discounts"] = start_discounts(tenant, entries, at, owner)


def _cancel_date(sub: Object, params: dict[str, Any], at: int) -> None:
    """Take the cancel date, so that the first period can be cut short by it."""
    if params.get("cancel_at") is not None and params.get("cancel_at_period_end"):
        raise exclusive("cancel_at", "cancel_at_period_end")
    sub["cancel_at_period_end"] = bool(params.get("cancel_at_period_end"))
    moment = params.get("cancel_at")
    if moment is None:
        return
    if not isinstance(moment, int):
        raise not_emulated(f"making a subscription with cancel_at {moment}")
    if moment <= at:
        message = "`cancel_at` must be a timestamp in the future."
        raise invalid(message, "cancel_at")
    set_cancel_date(sub, moment, at)
