"""Credit notes, credit balance, and payment by a test card."""

from datetime import UTC, datetime

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox


@pytest.fixture
def sandbox():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as running:
        yield running


@pytest.fixture
def client(sandbox):
    return sandbox.client()


@pytest.fixture
def customer(client):
    return client.v1.customers.create({"name": "ACME"}).id


def invoiced(client, customer, *amounts, discounts=None, auto=False):
    """An open invoice of lines with these amounts; the last one has a quantity of four."""
    method = {} if auto else {"collection_method": "send_invoice", "days_until_due": 30}
    more = {"discounts": discounts} if discounts else {}
    draft = client.v1.invoices.create({"customer": customer, "currency": "usd", **method, **more})
    if not client.v1.products.list().data:
        client.v1.products.create({"id": "sku", "name": "SKU"})
    for amount in amounts:
        price = {"currency": "usd", "product": "sku", "unit_amount": amount}
        item = {"customer": customer, "invoice": draft.id, "price_data": price, "quantity": 1}
        if amount is amounts[-1]:
            item |= {"quantity": 4}
        client.v1.invoice_items.create(item)
    return client.v1.invoices.finalize_invoice(draft.id, {"auto_advance": True})


def pay_by_card(client, customer):
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    return card


def balance(client, customer):
    return client.v1.customers.retrieve(customer).balance


def refused(call, *arguments):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("asked", "amount"),
    [
        ({"amount": 300}, 300),
        ({"lines": [{"type": "invoice_line_item", "line": 0, "amount": 250}]}, 250),
        ({"lines": [{"type": "invoice_line_item", "line": 1, "quantity": 3}]}, 600),
        ({"lines": [{"type": "custom_line_item", "description": "Sorry", "quantity": 2, "unit_amount": 75}]}, 150),
        (
            {"lines": [{"type": "custom_line_item", "description": "x", "quantity": 3, "unit_amount_decimal": "33.5"}]},
            101,
        ),
    ],
)
def test_what_a_credit_note_takes_off_an_open_invoice(client, customer, asked, amount):
    invoice = invoiced(client, customer, 1_000, 200)
    for line in asked.get("lines", []):
        if "line" in line:
            line["invoice_line_item"] = invoice.lines.data[line.pop("line")].id
    shown = client.v1.credit_notes.preview({"invoice": invoice.id, **asked})
    assert client.v1.credit_notes.list({"invoice": invoice.id}).data == []
    note = client.v1.credit_notes.create({"invoice": invoice.id, "reason": "order_change", "memo": "m", **asked})
    assert (note.amount, note.total, note.pre_payment_amount, note.post_payment_amount) == (amount, amount, amount, 0)
    assert (shown.amount, note.status, note.type, note.number) == (
        amount,
        "issued",
        "pre_payment",
        f"{invoice.number}-CN-01",
    )
    after = client.v1.invoices.retrieve(invoice.id)
    assert (after.total, after.amount_remaining, after.status) == (1_800, 1_800 - amount, "open")
    assert after.pre_payment_credit_notes_amount == amount
    assert client.v1.credit_notes.void_credit_note(note.id).status == "void"
    assert client.v1.invoices.retrieve(invoice.id).amount_remaining == 1_800
    assert balance(client, customer) == 0


def test_a_whole_open_invoice_credited_is_paid(client, customer):
    invoice = invoiced(client, customer, 100)
    client.v1.credit_notes.create({"invoice": invoice.id, "amount": 400})
    after = client.v1.invoices.retrieve(invoice.id)
    assert (after.status, after.amount_remaining, after.amount_paid) == ("paid", 0, 0)
    assert (
        "can be credited" in refused(client.v1.credit_notes.create, {"invoice": invoice.id, "amount": 1}).user_message
    )


def test_lines_are_credited_with_their_discounts(client, customer):
    client.v1.coupons.create({"id": "off", "percent_off": 25, "duration": "once"})
    invoice = invoiced(client, customer, 1_000, 200, discounts=[{"coupon": "off"}])
    assert invoice.total == 1_350
    line = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[1].id, "quantity": 2}
    note = client.v1.credit_notes.create({"invoice": invoice.id, "lines": [line]})
    assert (note.subtotal, note.discount_amount, note.total) == (400, 100, 300)


@pytest.mark.parametrize(
    ("asked", "on_balance", "refunded"),
    [
        ({"credit_amount": 500}, -500, 0),
        ({"out_of_band_amount": 500}, 0, 0),
        ({"refund_amount": 500}, 0, 500),
        ({"refund_amount": 100, "credit_amount": 150, "out_of_band_amount": 250}, -150, 100),
    ],
)
def test_what_was_paid_is_given_back(client, customer, asked, on_balance, refunded):
    pay_by_card(client, customer)
    invoice = invoiced(client, customer, 100, 300, auto=True)
    assert (invoice.status, invoice.amount_paid) == ("paid", 1_300)
    note = client.v1.credit_notes.create({"invoice": invoice.id, "amount": 500, **asked})
    assert (note.type, note.pre_payment_amount, note.post_payment_amount) == ("post_payment", 0, 500)
    assert sum(refund.amount_refunded for refund in note.refunds) == refunded
    assert (balance(client, customer), note.out_of_band_amount) == (on_balance, asked.get("out_of_band_amount"))
    after = client.v1.invoices.retrieve(invoice.id)
    assert (after.status, after.post_payment_credit_notes_amount) == ("paid", 500)
    if on_balance:
        moved = client.v1.customers.balance_transactions.list(customer).data[0]
        assert (moved.type, moved.credit_note, moved.amount) == ("credit_note", note.id, on_balance)
    assert "open invoice" in refused(client.v1.credit_notes.void_credit_note, note.id).user_message


def test_credit_beyond_what_is_open(client, customer):
    invoice = invoiced(client, customer, 100)
    client.v1.credit_notes.create({"invoice": invoice.id, "amount": 300})
    client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    make = client.v1.credit_notes.create
    error = refused(make, {"invoice": invoice.id, "amount": 100})
    assert "must equal the post payment amount (100)" in error.user_message
    assert "what was charged" in refused(make, {"invoice": invoice.id, "amount": 50, "refund_amount": 50}).user_message
    assert make({"invoice": invoice.id, "amount": 100, "credit_amount": 100}).post_payment_amount == 100
    assert balance(client, customer) == -100


def test_credit_notes_that_are_refused(client, customer):
    draft = client.v1.invoices.create({"customer": customer})
    make = client.v1.credit_notes.create
    assert "finalized invoices" in refused(make, {"invoice": draft.id, "amount": 1}).user_message
    invoice = invoiced(client, customer, 100)
    assert "One of `amount`, `lines`" in refused(make, {"invoice": invoice.id}).user_message
    both = {"amount": 1, "lines": [{"type": "custom_line_item", "unit_amount": 1}]}
    assert "only specify one" in refused(make, {"invoice": invoice.id, **both}).user_message
    with pytest.raises(stripe.APIError, match="Not emulated"):
        make({"invoice": invoice.id, "amount": 1, "effective_at": 5})


def test_credit_balance_is_used_when_an_invoice_is_finalized(client, customer):
    """Credit is not touched by the draft; each invoice takes what it needs, and debt is billed with the next one."""
    move = client.v1.customers.balance_transactions.create
    move(customer, {"amount": -500, "currency": "usd", "description": "goodwill", "metadata": {"a": "1"}})
    first = invoiced(client, customer, 75)
    assert (first.starting_balance, first.ending_balance, first.amount_due, first.status) == (-500, -200, 0, "paid")
    second = invoiced(client, customer, 75)
    assert (second.total, second.amount_due, second.ending_balance) == (300, 100, 0)
    move(customer, {"amount": 70, "currency": "usd"})
    third = invoiced(client, customer, 75)
    assert (third.starting_balance, third.amount_due, third.ending_balance) == (70, 370, 0)
    found = client.v1.customers.balance_transactions.list(customer).data
    kinds = [(one.type, one.amount, one.ending_balance) for one in reversed(found)]
    assert kinds == [
        ("adjustment", -500, -500),
        ("applied_to_invoice", 300, -200),
        ("applied_to_invoice", 200, 0),
        ("adjustment", 70, 70),
        ("applied_to_invoice", -70, 0),
    ]


def test_a_negative_invoice_becomes_credit(client, customer):
    draft = client.v1.invoices.create({"customer": customer, "currency": "usd"})
    client.v1.invoice_items.create({"customer": customer, "invoice": draft.id, "amount": -900, "currency": "usd"})
    done = client.v1.invoices.finalize_invoice(draft.id)
    assert (done.status, done.total, done.amount_due, done.ending_balance) == ("paid", -900, 0, -900)
    assert balance(client, customer) == -900


def test_a_card_pays_on_its_own_and_an_invoice_that_is_sent_waits(client, sandbox, customer):
    card = pay_by_card(client, customer)
    assert client.v1.payment_methods.retrieve(card.id).card.last4 == "4242"
    client.v1.products.create({"id": "sku", "name": "SKU"})
    recurring = {"product": "sku", "currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}}
    phase = {"items": [{"price_data": recurring}], "duration": {"interval": "month", "interval_count": 2}}
    send = {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 14}}
    for settings in ({}, send):
        order = {"customer": customer, "phases": [phase], "default_settings": settings}
        client.v1.subscription_schedules.create(order)
    sandbox.move_clock(advance=3_601)
    found = client.v1.invoices.list({"customer": customer}).data
    assert {(one.collection_method, one.status, one.attempt_count) for one in found} == {
        ("charge_automatically", "paid", 1),
        ("send_invoice", "open", 0),
    }
    sent = next(one for one in found if one.status == "open")
    assert client.v1.invoices.pay(sent.id).status == "paid"
    other = client.v1.customers.create({"name": "Other"}).id
    error = refused(client.v1.customers.update, other, {"invoice_settings": {"default_payment_method": card.id}})
    assert error.param == "invoice_settings[default_payment_method]"
    assert refused(client.v1.payment_methods.attach, "pm_none", {"customer": other}).code == "resource_missing"
