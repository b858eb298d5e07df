"""Corrections that no schedule can bill any more: an invoice of their own, or money back as the policy says.

    owed to us      one invoice, made at once: draft, lines, finalization
    owed back       settlement: credit_balance   taken off the customer's next invoices
                                credit_note      the same, with a credit note for the newest invoices
                                refund           a credit note, paid back
                                none             nothing; the tie-out says what was kept

What is settled is remembered with the object that settled it (`settles`), by line: it counts as billed from then on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from connector.compile.bills import Bill, Charge, one_off_charge
from connector.compile.collection import shared_method
from connector.compile.customer import customer_key
from connector.compile.params import metadata
from connector.compile.resource import Key, Params, Ref
from connector.compile.schedule import invoice_resources
from connector.compile.spec import InvoiceSpec, OneOffSpec
from connector.domain.contract import Contract, Line, SettlementPolicy
from connector.domain.issues import Issue, IssueCode, Source, block, warn
from connector.domain.money import text
from connector.plan.canonical import Json
from connector.plan.existing import ExistingState, InvoiceFact
from connector.plan.operation import Create, Operation

_MARK = ":settlement:"


#: Corrections with what each comes to, in minor units.
Amounts = Sequence[tuple[OneOffSpec, int]]


def is_settlement(key: Key) -> bool:
    """Tell whether an object settles corrections; the desired state knows nothing of these."""
    return _MARK in key.name


def settled_by_line(existing: ExistingState) -> Mapping[str, int]:
    """Return minor units already settled, by line: charged, or given back (negative)."""
    sums: dict[str, int] = {}
    for key, held in existing.objects.items():
        if is_settlement(key):
            for line, amount in _settles(held.params).items():
                sums[line] = sums.get(line, 0) + amount
    return sums


def settled_bills(existing: ExistingState, contract: Contract, today: date) -> tuple[Bill, ...]:
    """Return what was settled before, as one bill."""
    lines = {line.ref: line for line in contract.lines}
    charges = tuple(
        Charge(today, ref, f"{_name(lines.get(ref), ref)}: settled", amount, amount, recurring=False)
        for ref, amount in settled_by_line(existing).items()
    )
    return (Bill(today, contract.currency, charges),) if charges else ()


def _name(line: Line | None, ref: str) -> str:
    return line.product.name if line else ref


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settles corrections: operations, the bill they make today, and minor units that stay unsettled.

    `kept` is not given back by policy; `short` is what the invoices do not suffice to give back by credit note.
    """

    operations: tuple[Operation, ...] = ()
    bills: tuple[Bill, ...] = ()
    kept: int = 0
    short: int = 0


def settle(
    contract: Contract,
    existing: ExistingState,
    unsettled: Sequence[OneOffSpec],
    today: date,
    policy: SettlementPolicy,
) -> Settlement:
    """Return how corrections are settled that no schedule can bill; `policy` is for what is owed back."""
    done = _unfinished(contract, existing)
    if not unsettled:
        return Settlement(done)
    amounts = [(one, one_off_charge(one, today, contract.currency).net) for one in unsettled]
    total = _total(amounts)
    name = f"{contract.ref}{_MARK}{_next_number(existing)}"
    if total >= 0:
        return Settlement((*done, *_invoice(contract, existing, name, amounts)), _bill(contract, amounts, today))
    if policy == "none":
        return Settlement(done, kept=total)
    if policy == "credit_balance":
        return Settlement((*done, _balance(contract, name, amounts)), _bill(contract, amounts, today))
    notes, short = _credit_notes(contract, existing, name, amounts)
    return Settlement((*done, *notes), () if short else _bill(contract, amounts, today), short=short)


def check_settlement(contract: Contract, settlement: Settlement, waived: int) -> tuple[Issue, ...]:
    """Return what people should know: invoices that do not suffice for a credit note, and what was left by policy."""
    currency = contract.currency
    issues: list[Issue] = []
    if settlement.short:
        issues.append(
            block(
                IssueCode.SETTLEMENT,
                Source(contract.ref),
                f"{text(settlement.short, currency)} are owed back, but the invoices of the contract do not suffice "
                "for a credit note",
                'Set "settlement: credit_balance" for this contract, or give the money back in Stripe by hand.',
            )
        )
    if waived:
        words = "not charged" if waived > 0 else "not credited"
        issues.append(
            warn(
                IssueCode.PRORATION_POLICY,
                Source(contract.ref),
                f"{text(abs(waived), currency)} for time that has begun are {words} by us "
                f"(proration: {contract.policies.proration}, correction: {contract.policies.correction})",
                "Nothing to do if that was agreed; else bill it in Stripe by hand.",
            )
        )
    return tuple(issues)


def _unfinished(contract: Contract, existing: ExistingState) -> tuple[Operation, ...]:
    """Return the last step of invoices whose lines are on them, but that were not finalized: the run was cut short."""
    lines = {key.name for key in existing.objects if key.kind == "invoice_lines" and is_settlement(key)}
    sent = {key.name for key in existing.objects if key.kind == "invoice_finalization"}
    return tuple(
        Create(resource.key, resource.params, resource.params)
        for name in sorted(lines - sent)
        for resource in invoice_resources(contract, InvoiceSpec(name, contract.currency, ()))
        if resource.key.kind == "invoice_finalization"
    )


def _next_number(existing: ExistingState) -> int:
    """Return a number that no completed settlement has; one that was cut short is taken up again."""
    return 1 + len({key.name for key, held in existing.objects.items() if is_settlement(key) and _settles(held.params)})


def _invoice(contract: Contract, existing: ExistingState, name: str, amounts: Amounts) -> Iterator[Operation]:
    """Yield the steps of an invoice of its own; a draft that was made already is filled."""
    lines = tuple(one for one, _ in amounts)
    paid = shared_method(contract, (one.line.ref for one in lines))
    for resource in invoice_resources(contract, InvoiceSpec(name, contract.currency, lines, collection=paid)):
        if resource.key in existing.objects:
            continue
        settles = {"settles": _by_line(amounts)} if resource.key.kind == "invoice_lines" else {}
        yield Create(resource.key, resource.params, {**resource.params, **settles})


def _balance(contract: Contract, name: str, amounts: Amounts) -> Operation:
    """Return a credit on the customer's balance: negative, since it is owed to the customer (API reference)."""
    params: Params = {
        "customer": Ref(customer_key(contract)),
        "amount": _total(amounts),
        "currency": contract.currency,
        "description": _description(amounts),
        "metadata": metadata(contract, "order", contract.ref, contract.link, settlement=name),
    }
    return Create(Key("balance_credit", name), params, {**params, "settles": _by_line(amounts)})


def _credit_notes(
    contract: Contract, existing: ExistingState, name: str, amounts: Amounts
) -> tuple[tuple[Operation, ...], int]:
    """Return credit notes for the newest invoices first, and what they do not suffice for.

    What is still to be paid is lowered; what was paid goes to the balance or back (docs.stripe.com/invoicing/
    integration/programmatic-credit-notes: the parts of a credit note beyond what is due make up the rest of it).
    """
    left = -_total(amounts)
    settles = _by_line(amounts)
    notes: list[Operation] = []
    for invoice in sorted(existing.invoices, key=lambda one: (one.day, one.id), reverse=True):
        amount = min(left, invoice.creditable)
        if amount <= 0:
            continue
        params: Params = {
            "invoice": invoice.id,
            "amount": amount,
            **_given_back(invoice, amount, refund=contract.policies.settlement == "refund"),
            "reason": "order_change",
            "memo": _description(amounts),
            "metadata": metadata(contract, "order", contract.ref, contract.link, settlement=name),
        }
        share, settles = _take(settles, amount)
        key = Key("credit_note", f"{name}:{len(notes) + 1}")
        notes.append(Create(key, params, {**params, "settles": share}))
        left -= amount
    return tuple(notes), left


def _given_back(invoice: InvoiceFact, amount: int, *, refund: bool) -> Params:
    """Return where what was paid of a credited amount goes: only what was paid through Stripe can be paid back."""
    paid = max(amount - invoice.due, 0)
    back = min(paid, invoice.refundable) if refund else 0
    return {name: part for name, part in (("refund_amount", back), ("credit_amount", paid - back)) if part}


def _take(settles: Mapping[str, int], amount: int) -> tuple[dict[str, int], dict[str, int]]:
    """Split amounts by line into a share that comes to `-amount`, and the rest: what is charged goes with the first."""
    share: dict[str, int] = {}
    rest = dict(settles)
    left = -amount
    for line, owed in sorted(settles.items(), key=lambda entry: entry[1] < 0):
        taken = max(owed, left) if owed < 0 else owed
        share[line], rest[line] = taken, owed - taken
        left -= taken
    return share, rest


def _bill(contract: Contract, amounts: Amounts, today: date) -> tuple[Bill, ...]:
    charges = tuple(one_off_charge(one, today, contract.currency) for one, _ in amounts)
    return (Bill(today, contract.currency, charges),)


def _by_line(amounts: Amounts) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one, amount in amounts:
        sums[one.line.ref] = sums.get(one.line.ref, 0) + amount
    return sums


def _total(amounts: Amounts) -> int:
    return sum(amount for _, amount in amounts)


def _description(amounts: Amounts) -> str:
    names = ", ".join(dict.fromkeys(one.line.product.name for one, _ in amounts))
    return f"Correction: {names}"[:350]


def _settles(params: Json) -> Mapping[str, int]:
    held = params.get("settles", {}) if isinstance(params, Mapping) else {}
    return cast("Mapping[str, int]", held)
