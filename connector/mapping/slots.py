"""The slots a mapping file can fill, section by section: what each means, its type, and how bad an unreadable value is.

The one table behind the file's grammar (`model.py`), its published schema, the reader and docs/mapping.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from connector.domain.contract import Policies
from connector.domain.issues import IssueCode, Severity
from connector.mapping.converters import CONVERTERS, UnreadableError, as_text


@dataclass(frozen=True, slots=True)
class Slot:
    """One value of the domain. `type` names the converter applied last, or a choice such as "bill|skip"."""

    name: str
    type: str
    says: str
    code: IssueCode = IssueCode.FIELD_INVALID
    severity: Severity = Severity.BLOCK
    must: bool = False

    def read(self, value: object) -> object:
        """Return a filled value as the slot's type. Raises UnreadableError."""
        if not self.choices:
            return CONVERTERS[self.type].convert(value)
        if (word := as_text(value).strip()) in self.choices:
            return word
        msg = f"is none of: {', '.join(self.choices)}"
        raise UnreadableError(msg)

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the allowed words, when the slot takes one of a few."""
        return tuple(self.type.split("|")) if "|" in self.type else ()


def _policy_slots() -> tuple[Slot, ...]:
    hints = get_type_hints(Policies)
    says = {
        "proration": "who bills changes inside a billing period",
        "correction": "when time that has begun is made up for",
        "settlement": "how money goes back that no invoice to come can take off",
        "crm_rules": "what to do with amendments that CPQ itself would not allow",
        "precision": "how the CRM counts part periods",
        "rounding": "what happens to a rounding difference",
        "stub": "where the short period goes when the term is no multiple of the billing period",
        "backdated_start": "what happens to time before the first sync",
        "end_behavior": "what the subscription does after the last phase",
        "renewal": "whether a renewal order continues the schedule of the contract that it renews",
        "auto_renew": "whether a contract goes on at its end when no renewal order has come",
        "billing_mode": "Stripe's billing mode of new subscriptions",
        "metadata_prefix": "what the connector's metadata keys begin with",
        "approval": "whether every change of the contract waits for approval, or only what is over a limit",
        "max_contract_amount": "the most the contract may bill without approval, in major units of its currency",
        "max_backdating_days": "how many days ago the contract may have started without approval",
    }
    return tuple(
        Slot(item.name, _type_of(hints[item.name]), says.get(item.name, item.name.replace("_", " ")))
        for item in fields(Policies)
    )


#: Converter by the type of a policy; a new policy needs no word here.
_TYPES = {bool: "boolean", int: "whole_number", Decimal: "decimal", date: "date"}


def _type_of(hint: Any) -> str:
    """Return a slot's type from an annotation: the words of a Literal, else the converter of its first known type."""
    if get_origin(hint) is Literal:
        return "|".join(get_args(hint))
    options = get_args(hint) or (hint,)
    return next((_TYPES[option] for option in options if option in _TYPES), "text")


def _address(prefix: str, of: str) -> tuple[Slot, ...]:
    parts = {
        "line1": "street",
        "line2": "second line",
        "city": "city",
        "state": "state or province",
        "postal_code": "postal code",
        "country": "country",
    }
    return tuple(
        Slot(f"{prefix}.{name}", "country" if name == "country" else "trim", f"{words} of the {of} address",
             severity=Severity.WARN)
        for name, words in parts.items()
    )  # fmt: skip


POLICIES = _policy_slots()

CONTRACT = (
    Slot("start", "date", "first day of the contract", must=True),
    Slot("term_months", "decimal", "length of the contract in months", IssueCode.TERM_INVALID),
    Slot("end", "date", "first day after the contract (convert a last day with day_after)"),
    Slot("currency", "currency", "currency of the contract", IssueCode.CURRENCY_UNKNOWN, must=True),
    Slot("stripe_id", "trim", "id of the Stripe schedule, once written back"),
    Slot("key", "trim", "id of the first order of the contract, once written back"),
    Slot("closed", "date", "day on which the order was closed; the contract starts on it when nothing else says"),
    Slot("inputs", "trim", "fingerprint of what was sold when it was billed, once written back"),
    Slot("in_place_edits", "review|amend|follow|ignore", "what an edit of a contract that is billed already does"),
    Slot(
        "billed_through", "date", "first day that is not billed elsewhere already (convert a last day with day_after)"
    ),
)

REVISION = (
    Slot("effective", "date", "first day on which the order counts"),
    Slot("value", "decimal", "total of the order according to the CRM"),
    Slot(
        "mode",
        "delta|restate",
        "whether a change has the lines that change, or all lines as they are to be; without it quantities are signed",
    ),
    Slot("action", "new|amend|renew|terminate|skip", "what the order does to the contract"),
    Slot("termination", "period_end|on_date|now", "when a termination takes effect"),
    Slot("closed", "date", "day on which the order was closed; a change counts from it when nothing else says"),
    Slot("is_change", "boolean", "whether the CRM takes the order for a change of an earlier one"),
)

PARTY = (
    Slot("ref", "trim", "CRM id of the customer", must=True),
    Slot("name", "trim", "name of the customer"),
    Slot("email", "email", "e-mail address for invoices", severity=Severity.WARN),
    Slot("phone", "trim", "phone number", severity=Severity.WARN),
    Slot("description", "text", "note on the customer", severity=Severity.WARN),
    *_address("address", "billing"),
    *_address("shipping", "shipping"),
    Slot("tax_id", "trim", "tax number", severity=Severity.WARN),
    Slot(
        "tax_id_type",
        "tax_id_type",
        "Stripe's type of the tax number, or the country it is from",
        severity=Severity.WARN,
    ),
    Slot("stripe_id", "trim", "id of the Stripe customer, once written back"),
)

PRODUCT = (
    Slot("ref", "trim", "CRM id of the product", must=True),
    Slot("name", "trim", "name of the product", must=True),
    Slot("description", "text", "description of the product", severity=Severity.WARN),
    Slot("stripe_id", "trim", "id of the Stripe product, once written back"),
)

LINE = (
    Slot("quantity", "decimal", "quantity", must=True),
    Slot("unit_price", "decimal", "price of one unit for the whole time of the line"),
    Slot("cycle_price", "decimal", "price of one unit per billing period, before discounts; instead of unit_price"),
    Slot("cycle_discount", "decimal", "amount off each unit per billing period", IssueCode.DISCOUNT_INVALID),
    Slot("cycle_discount_percent", "percent", "percentage off the price per period", IssueCode.DISCOUNT_INVALID),
    Slot("cycle_total", "decimal", "amount of one billing period according to the CRM"),
    Slot("total", "decimal", "total of the line according to the CRM"),
    Slot("start", "date", "first day of the line"),
    Slot("end", "date", "first day after the line (convert a last day with day_after)"),
    Slot("term", "duration", "length of the line in months, where no end is given", IssueCode.TERM_INVALID),
    Slot("delay_months", "whole_number", "months between the start of the contract and of the line"),
    Slot("delay_days", "whole_number", "days between the start of the contract and of the line"),
    Slot("interval", "months", "billing frequency", IssueCode.BILLING_FREQUENCY),
    Slot("recurring", "filled", "whether the line is a subscription; empty means it is charged once"),
    Slot("one_time", "boolean", "whether the line is charged once"),
    Slot("usage", "boolean", "whether the line is billed by metered usage"),
    Slot("evergreen", "boolean", "whether the line runs without an end"),
    Slot("active", "boolean", "whether the line is activated"),
    Slot("tiered", "boolean", "whether the product is priced in tiers"),
    Slot("currency", "currency", "currency of the line", IssueCode.CURRENCY_UNKNOWN),
    Slot("segment_key", "trim", "key that the segments of one ramp share"),
    Slot("segment_index", "whole_number", "number of the segment", severity=Severity.WARN),
    Slot("segment_label", "text", "name of the segment", severity=Severity.WARN),
    Slot("revises", "trim", "id of the line that this line changes"),
    Slot("series_key", "trim", "key that the lines of one thing sold share, across segments and changes"),
    Slot("change", "add|update|remove", "what a line of a change does"),
    Slot(
        "collection_method",
        "charge_automatically|send_invoice",
        "how the line is paid, where that is not as its contract is",
    ),
    Slot("position", "whole_number", "place of the line", severity=Severity.WARN),
    Slot("period_price", "decimal", "price of one unit per billing period, for orgs that keep it in a field"),
    Slot("list_price", "decimal", "list price of one unit per list term"),
    Slot("list_term", "whole_number", "list term in months"),
    Slot("multiplier", "decimal", "time of the line divided by the list term"),
    Slot("discount_percent", "percent", "discount on the list price"),
)

TIER_SCHEDULE = (
    Slot("mode", "volume|graduated", "how a quantity is rated", IssueCode.TIERS_INVALID),
    Slot("rating_method", "text", "rating method; only Tier can be billed", IssueCode.TIERS_INVALID),
    Slot("active", "boolean", "whether the schedule is active", IssueCode.TIERS_INVALID),
)

TIER = (
    Slot("up_to", "whole_number", "last unit of the tier; empty means without end", IssueCode.TIERS_INVALID),
    Slot("price", "decimal", "price of the tier", IssueCode.TIERS_INVALID),
    Slot("method", "per_unit|flat", "whether the price is per unit or for the whole tier", IssueCode.TIERS_INVALID),
)

DISCOUNT = (
    Slot("name", "trim", "name of the discount", severity=Severity.WARN),
    Slot("percent", "percent", "percentage off", IssueCode.DISCOUNT_INVALID),
    Slot("amount", "decimal", "amount off", IssueCode.DISCOUNT_INVALID),
    Slot("currency", "currency", "currency of the amount", IssueCode.DISCOUNT_INVALID),
    Slot("duration", "once|repeating|forever", "how long the discount lasts", IssueCode.DISCOUNT_INVALID),
    Slot("months", "whole_number", "months of a repeating discount", IssueCode.DISCOUNT_INVALID),
    Slot("max_redemptions", "whole_number", "how often the discount may be used", IssueCode.DISCOUNT_INVALID),
)


def _by_name(*slots: Slot) -> Mapping[str, Slot]:
    return MappingProxyType({slot.name: slot for slot in slots})


#: Section of the file → slot name → slot.
SLOTS: Mapping[str, Mapping[str, Slot]] = MappingProxyType(
    {
        "contract": _by_name(*CONTRACT, *POLICIES),
        "revision": _by_name(*REVISION),
        "party": _by_name(*PARTY),
        "product": _by_name(*PRODUCT),
        "line": _by_name(*LINE),
        "tier_schedule": _by_name(*TIER_SCHEDULE),
        "tier": _by_name(*TIER),
        "discount": _by_name(*DISCOUNT),
        "policies": _by_name(*POLICIES),
    }
)

#: What a write-back field may hold; `CrmStatus` (plan/status.py) fills them.
STATUS_SLOTS: Mapping[str, str] = MappingProxyType(
    {
        "schedule.id": "id of the Stripe schedule",
        "subscription.id": "id of the Stripe subscription",
        "invoice.id": "id of the Stripe invoice, for orders of one-time lines only",
        "customer.id": "id of the Stripe customer",
        "product.id": "id of the Stripe product",
        "price.id": "id of the Stripe price of the line",
        "link": "address of the schedule in the Stripe dashboard",
        "status": "Synced, Blocked, Failed, …",
        "message": "what happened, in one sentence",
        "explanation": "what happened, and what to do about it",
        "inputs": "fingerprint of what was sold when it was billed",
        "contract": "id of the first order, once the contract is billed",
        "current_segment_index": "number of the segment that is in force",
        "remedy": "what to do about it",
        "synced_at": "time of the last sync",
        "fingerprint": "fingerprint of the applied plan",
        "segment_count": "number of segments",
        "current_segment": "segment that is in force",
        "next_change": "day of the next change",
        "mrr": "recurring revenue per month",
        "code": "code of the issue that stands in the way",
        "record": "id of the order",
        "account": "id of the account",
        "record_key": "key of the status record: one per contract, updated in place",
    }
)

#: Kinds of Stripe objects that take pass-through values: read from the first order, and from each line.
CONTRACT_KINDS = ("customer", "subscription_schedule", "phase", "invoice", "coupon")
LINE_KINDS = ("item", "price", "one_off", "product")
