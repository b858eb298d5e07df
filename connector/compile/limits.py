"""What Stripe cannot hold, checked before the first write (docs.stripe.com/api and the limits its errors name)."""

from collections.abc import Iterator, Mapping

from connector.compile.params import dig
from connector.compile.resource import DesiredState, Params, Resource, Value
from connector.domain.issues import Issue, IssueCode, Source, block, warn

PHASES = 10  # current and future ones; longer contracts are held by a window (window.py)
ITEMS = 20
ONE_OFFS = 20
METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 50, 40, 500
CUSTOM_FIELDS, CUSTOM_FIELD_NAME, CUSTOM_FIELD_VALUE = 4, 40, 140


def check_limits(desired: DesiredState, record: str) -> tuple[Issue, ...]:
    """Return every limit the desired state is over; `record` is the CRM record people should look at."""
    source = Source(record)
    issues: list[Issue] = []
    for schedule in desired.of("subscription_schedule"):
        issues += _schedule(schedule, source)
    for resource in desired.resources:
        issues += _metadata(resource.params, str(resource.key), source)
        issues += _custom_fields(resource, source)
        issues += _payment(resource, desired, source)
    return tuple(dict.fromkeys(issues))


def _schedule(schedule: Resource, source: Source) -> Iterator[Issue]:
    for phase in (*_phases(schedule.params), *_phases(schedule.create or {})):
        start = dig({"phase": phase}, "phase", "start_date")
        for name, limit, code in (
            ("items", ITEMS, IssueCode.LIMIT_ITEMS),
            ("add_invoice_items", ONE_OFFS, IssueCode.LIMIT_ONE_OFFS),
        ):
            held = dig({"phase": phase}, "phase", name)
            if isinstance(held, list) and len(held) > limit:
                what = "lines" if name == "items" else "one-off amounts"
                yield block(
                    code,
                    source,
                    f"the phase from {start} has {len(held)} {what}; Stripe takes {limit}",
                    "Split the order, or combine products.",
                )


def _phases(params: Params) -> list[Value]:
    phases = params.get("phases")
    return phases if isinstance(phases, list) else []


def _metadata(value: Value, where: str, source: Source) -> Iterator[Issue]:
    if isinstance(value, list):
        for entry in value:
            yield from _metadata(entry, where, source)
    if not isinstance(value, Mapping):
        return
    for key, entry in value.items():
        if key == "metadata" and isinstance(entry, Mapping):
            yield from _metadata_map(entry, where, source)
        else:
            yield from _metadata(entry, where, source)


def _metadata_map(held: Mapping[str, Value], where: str, source: Source) -> Iterator[Issue]:
    fix = "Shorten it in the mapping file (converter truncate) or leave it out."
    if len(held) > METADATA_KEYS:
        yield block(
            IssueCode.LIMIT_METADATA, source, f"{where}: {len(held)} metadata keys; Stripe keeps {METADATA_KEYS}", fix
        )
    for key, value in held.items():
        if len(key) > METADATA_KEY:
            yield block(IssueCode.LIMIT_METADATA, source, f"{where}: metadata key {key!r} is over {METADATA_KEY}", fix)
        if isinstance(value, str) and len(value) > METADATA_VALUE:
            text = f"{where}: metadata {key!r} has {len(value)} characters; Stripe keeps {METADATA_VALUE}"
            yield block(IssueCode.LIMIT_METADATA, source, text, fix)


def _custom_fields(resource: Resource, source: Source) -> Iterator[Issue]:
    paths = (("invoice_settings", "custom_fields"), ("default_settings", "invoice_settings", "custom_fields"))
    for path in (*paths, ("custom_fields",)):
        fields = dig(resource.params, *path)
        if not isinstance(fields, list):
            continue
        if len(fields) > CUSTOM_FIELDS:
            yield block(
                IssueCode.LIMIT_CUSTOM_FIELDS,
                source,
                f"{resource.key}: {len(fields)} invoice custom fields; Stripe prints {CUSTOM_FIELDS}",
                "Map fewer custom fields.",
            )
        for entry in fields:
            name, value = str(dig({"f": entry}, "f", "name")), str(dig({"f": entry}, "f", "value"))
            if len(name) > CUSTOM_FIELD_NAME or len(value) > CUSTOM_FIELD_VALUE:
                yield block(
                    IssueCode.LIMIT_CUSTOM_FIELDS,
                    source,
                    f"{resource.key}: invoice custom field {name!r} is too long "
                    f"(name {CUSTOM_FIELD_NAME}, value {CUSTOM_FIELD_VALUE} characters)",
                    "Shorten it in the mapping file.",
                )


def _payment(resource: Resource, desired: DesiredState, source: Source) -> Iterator[Issue]:
    settings = dig(resource.params, "default_settings") if resource.key.kind == "subscription_schedule" else None
    holder = settings if isinstance(settings, Mapping) else resource.params if resource.key.kind == "invoice" else {}
    if dig(holder, "collection_method") != "send_invoice":
        return
    if dig(holder, "invoice_settings", "days_until_due") is None and dig(holder, "days_until_due") is None:
        yield block(
            IssueCode.PAYMENT_TERMS,
            source,
            "invoices are sent, but nothing says how many days the customer has to pay",
            "Enter the payment terms on the order (Net 30), or a default in the mapping file.",
        )
    customer = next(desired.of("customer"), None)
    if customer and not customer.params.get("email"):
        yield warn(
            IssueCode.CUSTOMER_EMAIL,
            source,
            "invoices are sent by e-mail, but the customer has no e-mail address; Stripe may refuse to send them",
            "Set the bill-to contact of the order, with an e-mail address.",
        )
