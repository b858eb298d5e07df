"""Customers, their tax ids and their balance (stripe.com/docs/api/customers)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.blanks import CUSTOMER, blank
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, deletion, listing
from connector.sandbox.stripe.errors import invalid, missing_object, not_emulated
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.payments import check_method
from connector.sandbox.stripe.rendering import within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

PLAIN = (
    "name",
    "email",
    "phone",
    "description",
    "address",
    "shipping",
    "business_name",
    "individual_name",
    "preferred_locales",
    "tax_exempt",
    "next_invoice_sequence",
    "invoice_prefix",
)
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def _create(call: Call) -> Object:
    params, tenant = call.params, call.tenant
    _refuse(params)
    clock = params.get("test_clock")
    if clock:
        tenant.get("test_helpers.test_clock", clock, "test_clock")
    at = tenant.clock_of({"test_clock": clock}).now()
    ident = tenant.new_id("customer")
    made = blank(
        CUSTOMER,
        id=ident,
        created=at,
        invoice_prefix=ident.removeprefix("cus_")[:8].upper(),
        invoice_settings=_invoice_settings({}),
        livemode=tenant.livemode,
        test_clock=clock,
    )
    method = (params.get("invoice_settings") or {}).get("default_payment_method")
    check_method(tenant, method, ident, "invoice_settings[default_payment_method]")
    _apply(made, params)
    tenant.add("customer", made)
    for given in params.get("tax_id_data", []):
        _add_tax_id(tenant, made, given, at)
    if params.get("balance"):
        made["balance"] = params["balance"]
    events.record(tenant, "created", made, at)
    return made


def _refuse(params: dict[str, Any]) -> None:
    for name in ("payment_method", "source", "cash_balance"):
        if params.get(name):
            raise not_emulated(f"customers with {name}")


def _invoice_settings(given: dict[str, Any]) -> Object:
    return {
        "custom_fields": given.get("custom_fields") or None,
        "default_payment_method": given.get("default_payment_method") or None,
        "footer": given.get("footer") or None,
        "rendering_options": given.get("rendering_options") or None,
    }


def _apply(customer: Object, params: dict[str, Any]) -> None:
    customer.update(chosen(params, *PLAIN))
    if isinstance(customer["address"], dict):
        customer["address"] = {part: customer["address"].get(part) or None for part in ADDRESS}
    customer["tax_exempt"] = customer["tax_exempt"] or "none"
    if "invoice_settings" in params:
        kept = customer["invoice_settings"] if params["invoice_settings"] else {}
        customer["invoice_settings"] = _invoice_settings({**kept, **(params["invoice_settings"] or {})})
    if "metadata" in params:
        customer["metadata"] = merge_metadata(customer["metadata"], params["metadata"])


def _retrieve(call: Call) -> Object:
    ident = call.variables["customer"]
    if ident in call.tenant.objects["customer"]:
        return call.tenant.objects["customer"][ident]
    raise missing_object("customer", ident, "id", status=404)


def _update(call: Call) -> Object:
    _refuse(call.params)
    customer = _living(call)
    before = dict(customer)
    method = (call.params.get("invoice_settings") or {}).get("default_payment_method")
    check_method(call.tenant, method, customer["id"], "invoice_settings[default_payment_method]")
    call.tenant.touch("customer", customer["id"])
    _apply(customer, call.params)
    if "balance" in call.params:
        customer["balance"] = call.params["balance"]
    changed = {name: before[name] for name in customer if name in before and customer[name] != before[name]}
    if changed:
        events.record(call.tenant, "updated", customer, call.tenant.clock_of(customer).now(), changed)
    return customer


def _living(call: Call) -> Object:
    return living_customer(call.tenant, call.variables["customer"], "id", status=404)


def living_customer(tenant: Tenant, ident: str, param: str, *, status: int = 400) -> Object:
    """Fetch a customer that has not been deleted."""
    customer = tenant.get("customer", ident, param, status=status)
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{ident}'", param, code="resource_missing")
    return customer


def _delete(call: Call) -> Object:
    """Leave a stub: deleted customers can still be retrieved (stripe.com/docs/api/customers/delete)."""
    customer = _living(call)
    if any(not sub["ended_at"] for sub in call.tenant.of("subscription", customer["id"])):
        raise not_emulated("deleting a customer with running subscriptions")
    call.tenant.drop("customer", customer["id"])
    return call.tenant.add("customer", deletion("customer", customer["id"]))


def _list(call: Call) -> Object:
    params = call.params
    found = [
        customer
        for customer in call.tenant.all("customer")
        if not customer.get("deleted")
        and customer["test_clock"] == params.get("test_clock")
        and ("email" not in params or customer["email"] == params["email"])
        and ("created" not in params or within(customer["created"], params["created"]))
    ]
    return listing(call, found)


# --- tax ids -------------------------------------------------------------------------------------------


def _add_tax_id(tenant: Tenant, customer: Object, given: dict[str, Any], at: int) -> Object:
    made = {
        "id": tenant.new_id("tax_id"),
        "object": "tax_id",
        "country": given["value"][:2].upper() if given["type"] == "eu_vat" else given["type"][:2].upper(),
        "created": at,
        "customer": customer["id"],
        "customer_account": None,
        "livemode": tenant.livemode,
        "owner": {"customer": customer["id"], "type": "customer"},
        "type": given["type"],
        "value": given["value"],
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }
    return tenant.add("tax_id", made)


def _create_tax_id(call: Call) -> Object:
    customer = _living(call)
    made = _add_tax_id(call.tenant, customer, call.params, call.tenant.clock_of(customer).now())
    events.record(call.tenant, "created", made, made["created"])
    return made


def _list_tax_ids(call: Call) -> Object:
    customer = _living(call)
    return listing(call, call.tenant.of("tax_id", customer["id"]))


def _tax_id(call: Call) -> Object:
    customer = _living(call)
    found = call.tenant.get("tax_id", call.variables["id"], "id", status=404)
    if found["customer"] != customer["id"]:
        raise missing_object("tax ID", call.variables["id"], "id", status=404)
    return found


def _delete_tax_id(call: Call) -> Object:
    return deletion("tax_id", call.tenant.drop("tax_id", _tax_id(call)["id"])["id"])


# --- balance -------------------------------------------------------------------------------------------


def move_balance(tenant: Tenant, customer: Object, amount: int, currency: str, at: int, **facts: Any) -> Object:
    """Book an amount on a customer's balance; negative amounts are credit."""
    tenant.touch("customer", customer["id"])
    customer["balance"] += amount
    made = {
        "id": tenant.new_id("customer_balance_transaction"),
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": None,
        "created": at,
        "credit_note": facts.get("credit_note"),
        "currency": currency,
        "customer": customer["id"],
        "customer_account": None,
        "description": facts.get("description"),
        "ending_balance": customer["balance"],
        "invoice": facts.get("invoice"),
        "livemode": tenant.livemode,
        "metadata": facts.get("metadata") or {},
        "type": facts.get("type", "adjustment"),
    }
    return tenant.add("customer_balance_transaction", made)


def _create_balance_transaction(call: Call) -> Object:
    customer, params = _living(call), call.params
    return move_balance(
        call.tenant,
        customer,
        params["amount"],
        params["currency"].lower(),
        call.tenant.clock_of(customer).now(),
        description=params.get("description"),
        metadata=merge_metadata({}, params.get("metadata")),
    )


def _balance_transaction(call: Call) -> Object:
    found = call.tenant.get("customer_balance_transaction", call.variables["transaction"], "transaction", status=404)
    if found["customer"] != _living(call)["id"]:
        raise missing_object("customer balance transaction", found["id"], "transaction", status=404)
    return found


def _list_balance_transactions(call: Call) -> Object:
    customer = _living(call)
    return listing(call, call.tenant.of("customer_balance_transaction", customer["id"]))


ENDPOINTS = [
    Endpoint("POST", "/v1/customers", "CustomerCreateParams", _create),
    Endpoint("GET", "/v1/customers", "CustomerListParams", _list),
    Endpoint("GET", "/v1/customers/{customer}", "CustomerRetrieveParams", _retrieve),
    Endpoint("POST", "/v1/customers/{customer}", "CustomerUpdateParams", _update),
    Endpoint("DELETE", "/v1/customers/{customer}", "CustomerDeleteParams", _delete),
    Endpoint("POST", "/v1/customers/{customer}/tax_ids", "CustomerTaxIdCreateParams", _create_tax_id),
    Endpoint("GET", "/v1/customers/{customer}/tax_ids", "CustomerTaxIdListParams", _list_tax_ids),
    Endpoint("GET", "/v1/customers/{customer}/tax_ids/{id}", "CustomerTaxIdRetrieveParams", _tax_id),
    Endpoint("DELETE", "/v1/customers/{customer}/tax_ids/{id}", "CustomerTaxIdDeleteParams", _delete_tax_id),
    Endpoint(
        "POST",
        "/v1/customers/{customer}/balance_transactions",
        "CustomerBalanceTransactionCreateParams",
        _create_balance_transaction,
    ),
    Endpoint(
        "GET",
        "/v1/customers/{customer}/balance_transactions/{transaction}",
        "CustomerBalanceTransactionRetrieveParams",
        _balance_transaction,
    ),
    Endpoint(
        "GET",
        "/v1/customers/{customer}/balance_transactions",
        "CustomerBalanceTransactionListParams",
        _list_balance_transactions,
    ),
]
