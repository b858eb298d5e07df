"""One row per kind of Stripe object; everything that treats kinds differently reads it here.

Adding a kind is a row here and a builder in `compile/`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from connector.compile.resource import Kind

#: What Stripe bills a contract by; the other kinds are named by these, or are steps of them.
BILLING_KINDS: tuple[Kind, ...] = ("subscription_schedule", "invoice")
#: What settles corrections that no schedule can bill.
SETTLING_KINDS: tuple[Kind, ...] = ("invoice_lines", "invoice_finalization", "balance_credit", "credit_note")


class Identity(StrEnum):
    """How an object is found again without searching."""

    OWN_ID = "own_id"  # we choose the id; creating it twice says "already exists"
    LOOKUP_KEY = "lookup_key"  # prices: unique by content
    EVENT_NAME = "event_name"  # meters: unique among active ones
    LINK = "link"  # Stripe chooses the id; the journal and the CRM remember it


@dataclass(frozen=True, slots=True)
class KindRow:
    """What is special about a kind. Paths are top-level parameter names."""

    kind: Kind
    rank: int
    identity: Identity
    mutable: bool = True
    create_only: frozenset[str] = field(default_factory=frozenset)
    retire: str | None = None
    shared: bool = False
    """Whether several contracts may use one object of this kind."""


KINDS: dict[Kind, KindRow] = {
    row.kind: row
    for row in (
        KindRow("customer", 10, Identity.LINK, create_only=frozenset({"tax_id_data"}), shared=True),
        KindRow("product", 20, Identity.OWN_ID, create_only=frozenset({"id"}), shared=True),
        KindRow("meter", 25, Identity.EVENT_NAME, mutable=False, shared=True),
        KindRow("price", 30, Identity.LOOKUP_KEY, mutable=False, shared=True),
        KindRow("coupon", 40, Identity.OWN_ID, mutable=False, shared=True),
        KindRow(
            "subscription_schedule",
            50,
            Identity.LINK,
            create_only=frozenset({"customer", "start_date", "billing_mode"}),
            retire="cancel",
        ),
        KindRow("invoice", 60, Identity.LINK, mutable=False),
        KindRow("invoice_lines", 61, Identity.LINK, mutable=False),
        KindRow("invoice_finalization", 62, Identity.LINK, mutable=False),
        KindRow("balance_credit", 70, Identity.LINK, mutable=False),
        KindRow("credit_note", 71, Identity.LINK, mutable=False),
    )
}
