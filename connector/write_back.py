"""Status → the CRM fields that must change. Only what differs is written, so our own writes never wake us again."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.billing.account import StripeAccount
from connector.crm.protocol import WriteBack
from connector.domain.contract import Contract
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawContract, RawRecord
from connector.plan.plan import Plan
from connector.plan.status import CrmStatus, Ids

_SLOTS = {
    "subscription_schedule": "schedule.id",
    "subscription": "subscription.id",
    "invoice": "invoice.id",
    "customer": "customer.id",
}
_PAGES = {
    "subscription_schedule": "subscription_schedules",
    "invoice": "invoices",
}


def ids_of(contract: Contract, account: StripeAccount, dashboard: str) -> Ids:
    """Return Stripe's ids of a contract, from the journal; linked schedules show the first one."""
    wanted = [("customer", contract.party.ref), *(("product", line.product.ref) for line in contract.lines)]
    links = [
        *account.journal.contract_links(account.connection, contract.key),
        *account.journal.links(account.connection, wanted).values(),
    ]
    values: dict[str, str] = {}
    for link in sorted(links, key=lambda link: (link.kind, link.key)):
        slot = _SLOTS.get(link.kind)
        if slot and link.stripe_id:
            values.setdefault(slot, link.stripe_id)
        if link.kind in _PAGES and "link" not in values:
            values["link"] = f"{dashboard}/{_PAGES[link.kind]}/{link.stripe_id}"
    products = {link.key: link.stripe_id for link in links if link.kind == "product"}
    lines = {
        line.ref: {"product.id": products[line.product.ref]} for line in contract.lines if line.product.ref in products
    }
    return Ids(values, lines)


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
    """Return the writes for the orders, the account, the lines and their products: absolute values, safe to repeat."""
    writes: dict[tuple[str, str], WriteBack] = {}
    for record, values in _targets(raw, status):
        fields = _changed(record, mapping.write_back.get(record.object, {}), values, now)
        if fields:
            writes[record.object, record.id] = WriteBack(record.object, record.id, fields)
    return tuple(writes.values())


def _targets(raw: RawContract, status: CrmStatus) -> Iterator[tuple[RawRecord, Mapping[str, object]]]:
    for revision in raw.revisions:
        yield revision.record, status.values
        for line in revision.lines:
            ids = status.lines.get(line.record.id, {})
            yield line.record, ids
            product = raw.records.follow(line.record, "Product2")
            if product is not None:
                yield product, ids
    account = raw.records.follow(raw.root, "Account")
    if account is not None:
        yield account, status.values


def _changed(
    record: RawRecord, slots: Mapping[str, str], values: Mapping[str, object], now: datetime
) -> dict[str, Any]:
    """Return field → value for what differs; the time of the sync alone is no difference."""
    wanted = {name: _crm_value(values.get(slot)) for name, slot in slots.items() if slot != "synced_at"}
    known = {name: value for name, value in wanted.items() if _slot_given(slots[name], values)}
    fields = {name: value for name, value in known.items() if not _same(record.fields.get(name), value)}
    if fields:
        stamps = [name for name, slot in slots.items() if slot == "synced_at" and "status" in values]
        fields |= {name: now.strftime("%Y-%m-%dT%H:%M:%S.000+0000") for name in stamps}
    return fields


def _slot_given(slot: str, values: Mapping[str, object]) -> bool:
    """Tell whether we know the slot: an id we do not have is left alone, a status we do is written even when empty."""
    return slot in values or ("status" in values and not slot.endswith(".id") and slot != "link")


def _crm_value(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _same(held: object, wanted: object) -> bool:
    if held in {None, ""} or wanted in {None, ""}:
        return held in {None, ""} and wanted in {None, ""}
    if held == wanted or str(held) == str(wanted):
        return True
    try:
        return Decimal(str(held)) == Decimal(str(wanted))
    except InvalidOperation:
        return False
