"""What `doctor` asks of a HubSpot account: token, scopes, what is read and written, clock, allowance."""

from collections.abc import Iterator
from datetime import timedelta

from connector.crm.hubspot.account import AccountSource
from connector.crm.hubspot.client import HubSpotClient
from connector.crm.hubspot.family import AMENDS
from connector.crm.hubspot.reads import OWN, OWNERS, routed
from connector.crm.hubspot.schema import AccountSchema
from connector.crm.protocol import FieldPaths, Probe
from connector.domain.errors import ConfigError, ConnectorError, RejectedError

_MAX_SKEW = timedelta(minutes=2)
_DAILY_ALARM = 10_000  # requests left
_SETUP = "run `connector setup hubspot`, or define it under Settings, Properties"
#: An id that no record has: HubSpot counts from 1.
_NOBODY = "0"
#: Objects that contracts are read from, with a read that needs the scope and costs one record at most.
_OBJECTS = ("deals", "line_items", "quotes", "companies", "contacts", "products")


def probe(
    client: HubSpotClient, schema: AccountSchema, account: AccountSource, paths: FieldPaths, writes: FieldPaths
) -> tuple[Probe, ...]:
    """Look at everything; `writes` names the properties by object that write-back sets. Never raises ConnectorError."""
    schema.forget()
    found: list[Probe] = []
    try:
        found.extend(_probes(client, schema, account, paths, writes))
    except ConnectorError as error:
        name = "calls" if found else "token"
        found.append(Probe(name, ok=False, detail=str(error), remedy="see the text; what follows was not looked at"))
    return tuple(found)


def _probes(
    client: HubSpotClient, schema: AccountSchema, account: AccountSource, paths: FieldPaths, writes: FieldPaths
) -> Iterator[Probe]:
    portal = account.get()
    yield Probe("token", ok=True, detail=f"accepted by the account {portal.id}")
    yield Probe("account", ok=True, detail=f"{portal.kind.lower()}, days begin in {portal.time_zone}")
    yield Probe("api version", ok=True, detail=client.settings.api_version)
    yield _clock(client)
    yield from _scopes(client)
    yield from _write_scopes(client, writes)
    if paths and any(path.startswith("Owner.") for path in paths.get("deals", ())):
        yield _owners(client)
    try:
        columns = routed(paths)
    except ConfigError as error:
        yield Probe("mapping", ok=False, detail=str(error), remedy="change the mapping file")
        return
    yield from _reads(schema, columns, client.settings.prefix)
    yield from _writes(schema, writes)
    yield _label(client)
    yield _allowance(client)


def _scopes(client: HubSpotClient) -> Iterator[Probe]:
    """Try one small read of every object; what is missing stands in HubSpot's answer."""
    for name in _OBJECTS:
        try:
            client.search(name, [], ["hs_object_id"], limit=1)
        except ConfigError as error:
            yield Probe(
                f"scope {name}", ok=False, detail=str(error), remedy="grant the scope to the app or service key"
            )
        else:
            yield Probe(f"scope {name}", ok=True, detail="readable")


def _owners(client: HubSpotClient) -> Probe:
    try:
        next(client.owners(limit=1), None)
    except ConfigError as error:
        return Probe("scope owners", ok=False, detail=str(error), remedy="grant the scope to the app or service key")
    return Probe("scope owners", ok=True, detail="readable")


def _write_scopes(client: HubSpotClient, writes: FieldPaths) -> Iterator[Probe]:
    """Try a write of nothing to a record that cannot be there: without the scope it is refused before it is looked for.

    Notes are written with the scope of contacts.
    """
    for name in (*sorted(writes), "notes"):
        try:
            client.update_one(name, _NOBODY, {})
        except ConfigError as error:
            remedy = "grant the scope to the app or service key"
            yield Probe(f"write scope {name}", ok=False, detail=str(error), remedy=remedy)
        except RejectedError:
            yield Probe(f"write scope {name}", ok=True, detail="writable")


def _reads(schema: AccountSchema, columns: FieldPaths, prefix: str) -> Iterator[Probe]:
    for name, its in sorted(columns.items()):
        if name == OWNERS:  # people, who have no properties
            continue
        wanted = its | (frozenset(f"{prefix}{own}" for own in OWN) if name == "deals" else frozenset())
        missing = sorted(wanted - set(schema.of(name))) if wanted else []
        if wanted:
            yield Probe(
                f"read {name}", ok=True, detail=f"{len(wanted) - len(missing)} of {len(wanted)} properties there"
            )
        for field in missing:
            ours = field.startswith(prefix)
            remedy = _SETUP if ours else "correct the name in the mapping file, or define the property"
            yield Probe(f"read {name}.{field}", ok=False, detail="the account has no such property", remedy=remedy)


def _writes(schema: AccountSchema, writes: FieldPaths) -> Iterator[Probe]:
    for name, fields in sorted(writes.items()):
        known = schema.of(name)
        for field in sorted(fields):
            found = known.get(field)
            ok = found is not None and found.writable
            detail = "writable" if ok else "read-only" if found else "the account has no such property"
            yield Probe(f"write {name}.{field}", ok=ok, detail=detail, remedy="" if ok else _SETUP)


def _label(client: HubSpotClient) -> Probe:
    there = any(row.get("label") == AMENDS for row in client.labels("deals", "deals"))
    detail = f'the association label "{AMENDS}" is there' if there else f'there is no association label "{AMENDS}"'
    return Probe("label", ok=there, detail=detail, remedy="" if there else "run `connector setup hubspot`")


def _clock(client: HubSpotClient) -> Probe:
    skew = client.door.transport.server_clock.skew
    ok = abs(skew) <= _MAX_SKEW
    remedy = "" if ok else "set this host's clock by NTP"
    return Probe("clock", ok=ok, detail=f"this host is {round(skew.total_seconds())} s ahead of HubSpot", remedy=remedy)


def _allowance(client: HubSpotClient) -> Probe:
    left = client.door.pace.daily_left
    if left is None:
        return Probe("api usage", ok=True, detail="HubSpot did not tell how many requests are left today")
    ok = left > _DAILY_ALARM
    remedy = "" if ok else "find what else uses the account's daily requests (Settings, Integrations, Private Apps)"
    return Probe("api usage", ok=ok, detail=f"{left} requests left today", remedy=remedy)
