"""What settled corrections of a contract, and the invoices on which money can be given back."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from connector.billing.account import StripeAccount
from connector.billing.encode import day_of
from connector.billing.normalize import read_schedule
from connector.billing.orphans import read_object
from connector.compile.resource import DesiredState, Key, Kind
from connector.compile.schedule import schedule_key
from connector.domain.contract import Contract
from connector.journal import Link
from connector.plan.existing import ExistingObject, InvoiceFact
from connector.plan.kinds import SETTLING_KINDS
from connector.plan.settle import is_settlement

_KINDS: tuple[Kind, ...] = ("invoice", *SETTLING_KINDS)
_BY_CREDIT_NOTE = frozenset({"credit_note", "refund"})


def settlements(
    own: Iterable[Link], names: Mapping[str, Key], account: StripeAccount, *, live: bool
) -> Mapping[Key, ExistingObject]:
    """Return what settled a contract's corrections; with `live` also its schedules that were ended for good.

    What such a schedule billed and what was settled of it belong together: one without the other would be a correction.
    """
    links = tuple(own)
    keyed = [(Key(kind, link.key), link) for link in links for kind in _KINDS if kind == link.kind]
    found = {key: ExistingObject(link.stripe_id, dict(link.applied)) for key, link in keyed if is_settlement(key)}
    if found and live:
        for link in links:
            if link.kind == "subscription_schedule" and link.retired_at:
                answer = read_object("subscription_schedule", link, account.api)
                if answer is not None:
                    key = Key("subscription_schedule", f"{link.key}:retired")
                    found[key] = read_schedule(answer, names, account.zone)
    return found


def creditable_invoices(
    contract: Contract,
    desired: DesiredState,
    objects: Mapping[Key, ExistingObject],
    account: StripeAccount,
    now: datetime,
) -> tuple[InvoiceFact, ...]:
    """Return the invoices of schedules that end, where the policy gives money back by credit note; else nothing."""
    if contract.policies.settlement not in _BY_CREDIT_NOTE:
        return ()
    today = now.astimezone(account.zone).date()
    going_on = {schedule_key(spec) for spec in desired.schedules if spec.end > today}
    ending = [
        held
        for key, held in objects.items()
        if key.kind == "subscription_schedule" and held.subscription and key not in going_on
    ]
    return tuple(fact for held in ending for fact in _facts(held.subscription or "", account))


def _facts(subscription: str, account: StripeAccount) -> Iterator[InvoiceFact]:
    page: dict[str, Any] = {"subscription": subscription, "limit": 100}
    while True:
        answer = account.api.get("/v1/invoices", page)
        for invoice in answer["data"]:
            if invoice["status"] in {"open", "paid"}:
                credited = sum(invoice.get(f"{when}_payment_credit_notes_amount") or 0 for when in ("pre", "post"))
                day = day_of(invoice["created"], account.zone)[:10]
                left = invoice["total"] - credited
                yield InvoiceFact(
                    invoice["id"], date.fromisoformat(day), max(left, 0), paid=invoice["status"] == "paid"
                )
        if not answer.get("has_more"):
            return
        page["starting_after"] = answer["data"][-1]["id"]
