"""Our own properties in a HubSpot account, without their prefix: what setup makes. HubSpot's own are not among them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

GROUP, GROUP_LABEL = "billing_sync", "Billing sync"


@dataclass(frozen=True, slots=True)
class OwnProperty:
    """One property: `type` and `field` are HubSpot's words, `says` is shown to people who edit a record."""

    name: str
    label: str
    type: str
    field: str
    says: str
    options: tuple[str, ...] = ()
    unique: bool = False

    def definition(self, prefix: str) -> dict[str, Any]:
        """Return the body that makes it."""
        options = [
            {"label": option.replace("_", " ").capitalize(), "value": option, "hidden": False, "displayOrder": place}
            for place, option in enumerate(self.options)
        ]
        if self.type == "bool":
            options = [
                {"label": label, "value": value, "hidden": False, "displayOrder": place}
                for place, (label, value) in enumerate((("Yes", "true"), ("No", "false")))
            ]
        return {
            "name": f"{prefix}{self.name}",
            "label": self.label,
            "groupName": GROUP,
            "type": self.type,
            "fieldType": self.field,
            "description": self.says,
            **({"options": options} if options else {}),
            **({"hasUniqueValue": True} if self.unique else {}),
        }


def _choice(name: str, label: str, says: str, *options: str) -> OwnProperty:
    return OwnProperty(name, label, "enumeration", "select", says, options)


def _text(name: str, label: str, says: str, *, unique: bool = False) -> OwnProperty:
    return OwnProperty(name, label, "string", "text", says, unique=unique)


def _number(name: str, label: str, says: str) -> OwnProperty:
    return OwnProperty(name, label, "number", "number", says)


def _date(name: str, label: str, says: str) -> OwnProperty:
    return OwnProperty(name, label, "date", "date", says)


def _yes_no(name: str, label: str, says: str) -> OwnProperty:
    return OwnProperty(name, label, "bool", "booleancheckbox", says)


_STATUSES = ("pending", "blocked", "needs_review", "syncing", "synced", "failed", "terminated")
_WRITTEN = "Written by the billing connector."

_DEALS = (
    _choice("action", "Billing action", "What the deal does: begins, changes, renews or ends a contract, or nothing.",
            "new", "amend", "renew", "terminate", "skip"),
    _text("original_deal", "Original deal", "Record id of the deal that this one changes. An association is better."),
    _text("contract_key", "Contract", f"{_WRITTEN} Id of the deal that began the contract."),
    _date("contract_start_date", "Contract start", "First day of the contract; empty: the first line's start."),
    _date("contract_end_date", "Contract end", "First day that is not part of the contract any more."),
    _date("effective_date", "Effective date", "First day on which an amendment or termination counts."),
    _choice("amendment_mode", "Amendment mode", "Lines are added to the contract, or are all lines from then on.",
            "delta", "restate"),
    _choice("proration", "Proration", "How a change inside a billing period is billed.",
            "none", "create_prorations", "always_invoice"),
    _choice("termination_mode", "Termination takes effect", "At the end of the billing period, on the date, or now.",
            "period_end", "on_date", "now"),
    _choice("collection_method", "Collection method", "How invoices are paid.", "charge_automatically", "send_invoice"),
    _number("days_until_due", "Days until due", "Days until a sent invoice is due."),
    _yes_no("auto_renew", "Goes on after its end", "Whether the subscription goes on when the contract ends."),
    _yes_no("release", "Release to billing", "Optional: No holds the deal back."),
    _choice("status", "Billing status", _WRITTEN, *_STATUSES),
    OwnProperty("status_detail", "Billing status detail", "string", "textarea", f"{_WRITTEN} What happened."),
    _text("error_code", "Billing error code", f"{_WRITTEN} Stable code, for workflows."),
    OwnProperty("synced_at", "Billing synced at", "datetime", "date", _WRITTEN),
    _text("fingerprint", "Billing fingerprint", f"{_WRITTEN} Clear it to bill an edited deal as it is now."),
    _text("stripe_customer_id", "Stripe customer", _WRITTEN),
    _text("stripe_schedule_id", "Stripe schedule", _WRITTEN),
    _text("stripe_subscription_id", "Stripe subscription", _WRITTEN),
    _text("stripe_url", "Stripe link", _WRITTEN),
    _number("segment_count", "Segments", _WRITTEN),
    _number("current_segment", "Current segment", _WRITTEN),
    _text("current_segment_label", "Current segment label", _WRITTEN),
    _date("next_change_date", "Next change", _WRITTEN),
    _number("current_mrr", "Monthly revenue by Stripe", f"{_WRITTEN} What the running segment bills in a month."),
)  # fmt: skip
_LINE_ITEMS = (
    _number("segment_index", "Segment", "Optional number of the segment; it is checked against the dates."),
    _text("segment_label", "Segment label", "Name of the segment that begins with this line."),
    _text("line_key", "Line key", "The same on all lines of one thing sold, across segments and changes."),
    _choice("change", "Change", "In an amendment: adds to, replaces or removes what has the same line key.",
            "add", "update", "remove"),
    _date("end_date", "Ends before", "First day that is not billed any more."),
    _yes_no("usage", "Billed by use", "Yes: what was used is billed after each period, by the line's tiers."),
    _text("stripe_price_id", "Stripe price", _WRITTEN),
)  # fmt: skip
_COMPANIES = (
    _text("stripe_customer_id", "Stripe customer", _WRITTEN, unique=True),
    _text("billing_email", "Billing e-mail", "Where invoices are sent."),
)
_PRODUCTS = (_text("stripe_product_id", "Stripe product", _WRITTEN),)

OWN: Mapping[str, tuple[OwnProperty, ...]] = MappingProxyType(
    {"deals": _DEALS, "line_items": _LINE_ITEMS, "companies": _COMPANIES, "products": _PRODUCTS}
)


def own_properties() -> Iterator[tuple[str, OwnProperty]]:
    """Yield every property with its object."""
    yield from ((name, each) for name, some in OWN.items() for each in some)
