"""Status → the CRM fields that must change. Only what differs is written, so our own writes never wake us again."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from connector.billing.account import StripeAccount
from connector.compile.params import dig
from connector.compile.resource import DesiredState, Params, Ref
from connector.crm.protocol import WriteBack
from connector.domain.contract import Contract
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawContract, RawRecord
from connector.mapping.rules import evaluate
from connector.plan.plan import Plan
from connector.plan.status import CrmStatus, Ids

_SLOTS = {
    "subscription_schedule": "schedule.id",
    "subscription": "subscription.id",
    "invoice": "invoice.id",
    "customer": "customer.id",
}
#: Written when there is something to say, and otherwise left as they are.
_KEPT = frozenset({"link", "inputs", "contract"})
_RANK = {"subscription_schedule": 0, "invoice": 1}
_PAGES = {
    "subscription_schedule": "subscription_schedules",
    "invoice": "invoices",
}


def ids_of(contract: Contract, desired: DesiredState | None, account: StripeAccount, dashboard: str) -> Ids:
    """Return Stripe's ids of a contract, from the journal; of linked schedules the first is shown."""
    prices = _line_prices(contract, desired)
    wanted = [
        ("customer", contract.party.ref),
        *(("product", line.product.ref) for line in contract.lines),
        *(("price", name) for name in prices.values()),
    ]
    shared = account.journal.links(account.connection, wanted)
    own = account.journal.contract_links(account.connection, contract.key)
    values: dict[str, str] = {}
    for link in sorted((*own, *shared.values()), key=lambda link: (_RANK.get(link.kind, 9), link.key)):
        slot = _SLOTS.get(link.kind)
        if slot and link.stripe_id:
            values.setdefault(slot, link.stripe_id)
        if link.kind in _PAGES:
            values.setdefault("link", f"{dashboard}/{_PAGES[link.kind]}/{link.stripe_id}")
    lines = {}
    for line in contract.lines:
        found = {
            "product.id": shared.get(("product", line.product.ref)),
            "price.id": shared.get(("price", prices.get(line.ref, ""))),
        }
        lines[line.ref] = {slot: link.stripe_id for slot, link in found.items() if link is not None}
    return Ids(values, lines)


def _line_prices(contract: Contract, desired: DesiredState | None) -> dict[str, str]:
    """Return which price object each line is billed by; inline prices have none that people could look up."""
    prices: dict[str, str] = {}
    name = f"{contract.policies.metadata_prefix}order_item_id"
    for schedule in desired.of("subscription_schedule") if desired else ():
        for phase in cast("list[Params]", schedule.params["phases"]):
            for item in cast("list[Params]", phase["items"]):
                price, line = item.get("price"), dig(item, "metadata", name)
                if isinstance(price, Ref) and isinstance(line, str):
                    prices.setdefault(line, price.key.name)
    return prices


def save_subscriptions(plan: Plan, subscriptions: Mapping[str, str], account: StripeAccount, now: datetime) -> None:
    """Remember which subscription a schedule started; a schedule that has not begun has none."""
    for key, stripe_id in subscriptions.items():
        if stripe_id:
            account.journal.save_link(
                account.connection,
                "subscription",
                key,
                stripe_id=stripe_id,
                applied_hash="",
                applied={},
                contract_key=plan.contract.key,
                account_key=plan.contract.party.ref,
                now=now,
            )


def write_backs(raw: RawContract, mapping: MappingFile, status: CrmStatus, now: datetime) -> tuple[WriteBack, ...]:
    """Return the writes for the orders, the account, the lines, their products, and the contract's status record.

    Absolute values only, so repeating one is harmless.
    """
    writes: dict[tuple[str, str], WriteBack] = {}
    for record, values in _targets(raw, mapping, status):
        slots = mapping.write_back.get(record.object, {})
        fields = _changed(record, slots, values, now)
        if fields:
            held = {name: record.fields.get(name) for name in slots}
            writes[record.object, record.id] = WriteBack(record.object, record.id, fields, held=held)
    return (*writes.values(), *_status_records(raw, mapping, status, now))


def _status_records(raw: RawContract, mapping: MappingFile, status: CrmStatus, now: datetime) -> Iterator[WriteBack]:
    """Yield the status record of the contract, for every mapped object that has a key of ours."""
    key = f"{raw.root.id}:billing"
    account = raw.root.fields.get("AccountId")
    values = {**status.values, "record": raw.root.id, "record_key": key, "account": account}
    for name, slots in mapping.write_back.items():
        key_field = next((field for field, slot in slots.items() if slot == "record_key"), None)
        if key_field is None:
            continue
        held = next((r for r in raw.records.of(name) if r.fields.get(key_field) == key), RawRecord(name, "", {}))
        fields = _changed(held, {f: slot for f, slot in slots.items() if f != key_field}, values, now)
        if fields:
            yield WriteBack(name, key, fields, upsert_by=key_field)


def _targets(
    raw: RawContract, mapping: MappingFile, status: CrmStatus
) -> Iterator[tuple[RawRecord, Mapping[str, object]]]:
    for revision in raw.revisions:
        yield revision.record, status.values
        for line in revision.lines:
            ids = status.lines.get(line.record.id, {})
            yield line.record, ids
            product = _named(raw, mapping, "product", line.record)
            if product is not None:
                yield product, ids
    account = _named(raw, mapping, "party", raw.root)
    if account is not None:
        yield account, status.values


def _named(raw: RawContract, mapping: MappingFile, section: str, record: RawRecord) -> RawRecord | None:
    """Return the record that the slot `ref` of a section names: the customer, or the product of a line."""
    return raw.records.get(evaluate(mapping.sections[section]["ref"], record, raw.records).value)


def _changed(
    record: RawRecord, slots: Mapping[str, str], values: Mapping[str, object], now: datetime
) -> dict[str, Any]:
    """Return field → value for what differs; the time of the sync alone is no difference."""
    wanted = {name: _crm_value(values.get(slot)) for name, slot in slots.items() if slot != "synced_at"}
    known = {name: value for name, value in wanted.items() if _slot_given(slots[name], values)}
    fields = {name: value for name, value in known.items() if not _same(record.fields.get(name), value, slots[name])}
    if fields:
        stamps = [name for name, slot in slots.items() if slot == "synced_at" and "status" in values]
        fields |= {name: now.strftime("%Y-%m-%dT%H:%M:%S.000+0000") for name in stamps}
    return fields


def _slot_given(slot: str, values: Mapping[str, object]) -> bool:
    """Tell whether we know the slot: an id we do not have is left alone, a status we do is written even when empty."""
    return slot in values or ("status" in values and not slot.endswith(".id") and slot not in _KEPT)


def _crm_value(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _same(held: object, wanted: object, slot: str) -> bool:
    """Tell whether the CRM holds a value already; it may spell a status its own way (needs_review)."""
    if slot == "status":
        return _letters(held) == _letters(wanted)
    if held in {None, ""} or wanted in {None, ""}:
        return held in {None, ""} and wanted in {None, ""}
    if held == wanted or str(held) == str(wanted):
        return True
    try:
        return Decimal(str(held)) == Decimal(str(wanted))
    except InvalidOperation:
        return False


def _letters(value: object) -> str:
    return "".join(char for char in str(value or "").casefold() if char.isalnum())
