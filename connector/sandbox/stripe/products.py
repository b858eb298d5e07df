"""Making a product, by itself or along with a price (stripe.com/docs/api/products)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.endpoint import chosen
from connector.sandbox.stripe.errors import invalid
from connector.sandbox.stripe.limits import merge_metadata

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

PRODUCT_FIELDS = (
    "name",
    "active",
    "description",
    "images",
    "marketing_features",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
    "default_price",
)


def make_product(tenant: Tenant, params: dict[str, Any], at: int) -> Object:
    """Make a product; an id of the caller's own may be taken (text as quoted in public issue threads)."""
    ident = params.get("id") or tenant.new_id("product")
    if ident in tenant.objects["product"]:
        raise invalid("Product already exists.", "id", code="resource_already_exists")
    made: Object = {
        "id": ident,
        "object": "product",
        "active": True,
        "created": at,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": tenant.livemode,
        "marketing_features": [],
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": None,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": at,
        "url": None,
    }
    made.update(chosen(params, *PRODUCT_FIELDS))
    tenant.add("product", made)
    events.record(tenant, "created", made, at)
    return made
