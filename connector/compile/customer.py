"""The party → a Stripe customer."""

from connector.compile.params import merge_extras, metadata, omit_empty
from connector.compile.resource import Key, Resource, Value
from connector.domain.contract import Address, Contract


def customer_key(contract: Contract) -> Key:
    """Return the key of the customer: one per CRM account."""
    return Key("customer", contract.party.ref)


def customer_resource(contract: Contract) -> Resource:
    """Return the customer; an id the CRM already holds is adopted.

    Lengths are Stripe's: description 350 is what the vendor's own connector keeps, phone 20, name 256.
    """
    party = contract.party
    address = _address(party.address)
    shipping = _address(party.shipping)
    params: dict[str, Value] = {
        "name": (party.name or "")[:256],
        "email": party.email,
        "phone": (party.phone or "")[:20],
        "description": (party.description or "")[:350],
        "address": address,
        "shipping": omit_empty(
            {"name": (party.name or "")[:256], "phone": (party.phone or "")[:20], "address": shipping}
        )
        if shipping
        else None,
        "tax_id_data": [{"type": tax.type, "value": tax.value} for tax in party.tax_ids],
        "metadata": metadata(contract, "account", party.ref, party.link),
    }
    merged = merge_extras(omit_empty(params), contract.extras.get("customer", ()))
    return Resource(customer_key(contract), merged, adopt=party.stripe_id)


def _address(address: Address | None) -> dict[str, Value]:
    if address is None:
        return {}
    return omit_empty(
        {
            "line1": address.line1,
            "line2": address.line2,
            "city": address.city,
            "state": address.state,
            "postal_code": address.postal_code,
            "country": address.country,
        }
    )
