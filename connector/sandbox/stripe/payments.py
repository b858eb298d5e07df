"""Payment methods as far as invoices need them: a test card that always pays (stripe.com/docs/testing).

Only two of the vendor's test ids are known. Nothing is authorised or settled: a charge with a card succeeds at once,
one without fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.stripe.endpoint import Call, Endpoint, listing, owned
from connector.sandbox.stripe.errors import invalid, missing_object, not_emulated

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

TEST_CARDS = {"pm_card_visa": ("visa", "4242"), "pm_card_mastercard": ("mastercard", "4444")}


def _attach(call: Call) -> Object:
    """Attach a test card to a customer; every attachment of a test id makes a payment method of its own."""
    params, tenant, ident = call.params, call.tenant, call.variables["payment_method"]
    if "customer" not in params:
        what = "attaching payment methods to anything but a customer"
        raise not_emulated(what)
    customer = tenant.get("customer", params["customer"], "customer")
    if ident not in TEST_CARDS:
        raise missing_object("PaymentMethod", ident, "payment_method", status=404)
    brand, digits = TEST_CARDS[ident]
    at = tenant.clock_of(customer).now()
    made = {
        "id": tenant.new_id("payment_method"),
        "object": "payment_method",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "card": {"brand": brand, "country": "US", "exp_month": 12, "exp_year": 2099, "last4": digits},
        "created": at,
        "customer": customer["id"],
        "livemode": tenant.livemode,
        "metadata": {},
        "type": "card",
    }
    return tenant.add("payment_method", made)


def _retrieve(call: Call) -> Object:
    return call.tenant.get("payment_method", call.variables["payment_method"], "payment_method", status=404)


def check_method(tenant: Tenant, ident: str | None, customer: str, param: str) -> str | None:
    """Check a payment method somebody wants to pay with: it has to belong to the customer."""
    if not ident:
        return None
    if tenant.get("payment_method", ident, param)["customer"] != customer:
        message = "The customer does not have a payment method with the ID " + ident + "."
        raise invalid(message, param)
    return ident


def paying_method(tenant: Tenant, customer: Object, sub: Object | None) -> str | None:
    """Find what an automatic charge uses: the subscription's method before the customer's."""
    own = sub["default_payment_method"] if sub else None
    found: str | None = own or customer["invoice_settings"]["default_payment_method"]
    return found if found in tenant.objects["payment_method"] else None


ENDPOINTS = [
    Endpoint("POST", "/v1/payment_methods/{payment_method}/attach", "PaymentMethodAttachParams", _attach),
    Endpoint("GET", "/v1/payment_methods/{payment_method}", "PaymentMethodRetrieveParams", _retrieve),
    Endpoint(
        "GET",
        "/v1/payment_methods",
        "PaymentMethodListParams",
        lambda call: listing(call, owned(call, "payment_method")),
    ),
]
