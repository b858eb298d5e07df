"""Where each kind of object lives in Stripe's API, one row per kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.compile.resource import Kind

_PRICES = ["phases.items.price", "phases.add_invoice_items.price"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Paths with {id}; `via` names the parameter that holds the parent's id where the path needs it.

    `expand` asks for what the answer must contain to prove the write, so that no read is needed after it.
    """

    create: str
    object: str = ""
    via: str | None = None
    expand: list[str] = field(default_factory=list)


ENDPOINTS: Mapping[Kind, Endpoint] = {
    "customer": Endpoint("/v1/customers", "/v1/customers/{id}"),
    "product": Endpoint("/v1/products", "/v1/products/{id}"),
    "meter": Endpoint("/v1/billing/meters", "/v1/billing/meters/{id}"),
    "price": Endpoint("/v1/prices", "/v1/prices/{id}"),
    "coupon": Endpoint("/v1/coupons", "/v1/coupons/{id}"),
    "subscription_schedule": Endpoint("/v1/subscription_schedules", "/v1/subscription_schedules/{id}", expand=_PRICES),
    "invoice": Endpoint("/v1/invoices", "/v1/invoices/{id}"),
    "invoice_lines": Endpoint("/v1/invoices/{id}/add_lines", "/v1/invoices/{id}", via="invoice"),
    "invoice_finalization": Endpoint("/v1/invoices/{id}/finalize", "/v1/invoices/{id}", via="invoice"),
    "balance_credit": Endpoint(
        "/v1/customers/{id}/balance_transactions", "/v1/customers/{id}/balance_transactions", via="customer"
    ),
    "credit_note": Endpoint("/v1/credit_notes", "/v1/credit_notes/{id}"),
}
