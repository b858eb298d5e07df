"""What settled corrections of a contract, and the invoices on which money can be given back."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from connector.billing.account import StripeAccount
from connector.billing.encode import day_of
from connector.billing.normalize import read_schedule
from connector.billing.orphans import read_object
from connector.compile.bills import bills_after
from connector.compile.resource import DesiredState, Key, Kind
from connector.compile.schedule import schedule_key
from connector.domain.contract import Contract
from connector.journal import Link
from connector.plan.existing import RETIRED, ExistingObject, InvoiceFact
from connector.plan.kinds import SETTLING_KINDS
from connector.plan.settle import is_settlement

_KINDS: tuple[Kind, ...] = ("invoice", *SETTLING_KINDS)
_BY_CREDIT_NOTE = frozenset({"credit_note", "refund"})


def settlements(
    own: Iterable[Link], names: Mapping[str, Key], account: StripeAccount, *, live: bool
) -> Mapping[Key, ExistingObject]:
    """Return what settled a contract's corrections; with `live` also its schedules that were taken back.

    What such a schedule billed and what was given back of it, apart or with invoices of another schedule, belong
    together: one without the other would be a correction.
    """
    links = tuple(own)
    keyed = [(Key(kind, link.key), link) for link in links for kind in _KINDS if kind == link.kind]
    found = {key: ExistingObject(link.stripe_id, dict(link.applied)) for key, link in keyed if is_settlement(key)}
    if live:
        for link in links:
            if link.kind == "subscription_schedule" and link.retired_at:
                answer = read_object("subscription_schedule", link, account.api)
                if answer is not None:
                    key = Key("subscription_schedule", f"{link.key}{RETIRED}")
                    found[key] = read_schedule(answer, names, account.zone)
    return found


def creditable_invoices(
    contract: Contract,
    desired: DesiredState,
    objects: Mapping[Key, ExistingObject],
    account: StripeAccount,
    now: datetime,
) -> tuple[InvoiceFact, ...]:
    """Return the invoices on which money can be given back, where the policy does so by credit note; else nothing.

    Those are the invoices of schedules that no invoice follows (of all, where corrections do not wait), and our own of
    earlier times.
    """
    if contract.policies.settlement not in _BY_CREDIT_NOTE:
        return ()
    today = now.astimezone(account.zone).date()
    waiting = contract.policies.correction != "now"
    billing = [spec for spec in desired.schedules if bills_after(spec, today)]
    going_on = {schedule_key(spec) for spec in billing if waiting}
    ending = [
        held
        for key, held in objects.items()
        if key.kind == "subscription_schedule" and held.subscription and key not in going_on
    ]
    own = [held.id for key, held in objects.items() if key.kind == "invoice" and is_settlement(key)]
    return (
        *(fact for held in ending for fact in _facts(held.subscription or "", account)),
        *(fact for stripe_id in own for fact in _fact(account.api.get(f"/v1/invoices/{stripe_id}"), account)),
    )


def _facts(subscription: str, account: StripeAccount) -> Iterator[InvoiceFact]:
    page: dict[str, Any] = {"subscription": subscription, "limit": 100}
    while True:
        answer = account.api.get("/v1/invoices", page)
        for invoice in answer["data"]:
            yield from _fact(invoice, account)
        if not answer.get("has_more"):
            return
        page["starting_after"] = answer["data"][-1]["id"]


def _fact(invoice: Mapping[str, Any], account: StripeAccount) -> Iterator[InvoiceFact]:
    """Yield what can still be credited on an invoice that was sent."""
    if invoice["status"] in {"open", "paid"}:
        credited = sum(invoice.get(f"{when}_payment_credit_notes_amount") or 0 for when in ("pre", "post"))
        day = date.fromisoformat(day_of(invoice["created"], account.zone)[:10])
        elsewhere = (invoice.get("amount_paid_off_stripe") or 0) + (
            invoice.get("post_payment_credit_notes_amount") or 0
        )
        yield InvoiceFact(
            invoice["id"],
            day,
            creditable=max(invoice["total"] - credited, 0),
            due=invoice["amount_remaining"],
            refundable=max(invoice["amount_paid"] - elsewhere, 0),
        )
