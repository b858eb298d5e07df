"""Lines added to a draft invoice in one call (stripe.com/docs/api/invoices/add_lines)."""

from typing import Any

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox


@pytest.fixture
def client():
    with StripeSandbox() as sandbox:
        yield sandbox.client()


def test_lines_are_added_and_summed(client: stripe.StripeClient):
    customer = client.v1.customers.create({"name": "Everbright", "email": "ap@example.com"})
    client.v1.products.create({"id": "fee", "name": "Fee"})
    draft = client.v1.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "exclude"})
    price: Any = {"currency": "usd", "product": "fee", "unit_amount_decimal": "1000.5"}
    period: Any = {"start": 1_800_000_000, "end": 1_810_000_000}
    lines: Any = [{"price_data": price, "quantity": 3, "period": period}, {"amount": -500}]
    invoice = client.v1.invoices.add_lines(draft.id, {"lines": lines})
    first = invoice.lines.data[0]
    assert (first.amount, first.period.start) == (3002, 1_800_000_000)
    assert invoice.total == 2502
    finalized = client.v1.invoices.finalize_invoice(draft.id)
    assert finalized.status == "open"


def test_a_finalized_invoice_takes_no_lines(client: stripe.StripeClient):
    customer = client.v1.customers.create({"name": "Everbright"})
    draft = client.v1.invoices.create({"customer": customer.id})
    client.v1.invoices.add_lines(draft.id, {"lines": [{"amount": 500}]})
    client.v1.invoices.finalize_invoice(draft.id)
    with pytest.raises(stripe.InvalidRequestError, match="can't be updated"):
        client.v1.invoices.add_lines(draft.id, {"lines": [{"amount": 500}]})
