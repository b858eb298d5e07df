"""What `doctor` asks of a Salesforce org: the login, what the mapping reads and writes, the clock, the allowance."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from connector.crm.protocol import FieldPaths, Probe
from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.reads import ORDER_TIES, routed
from connector.crm.salesforce.schema import OrgSchema
from connector.domain.errors import ConfigError, ConnectorError

_ORGANIZATION = "SELECT Id, IsSandbox, OrganizationType FROM Organization LIMIT 1"
_MAX_SKEW = timedelta(minutes=2)
_USAGE_ALARM = 0.85
_GRANT = "give the integration user's permission set {access} on {what}"


@dataclass(frozen=True, slots=True)
class Organization:
    """The org behind the login; Developer Edition is not a sandbox in Salesforce's eyes, but holds no real deals."""

    id: str
    is_sandbox: bool
    edition: str


def organization(client: SalesforceClient) -> Organization:
    """Read which org this is."""
    row = next(client.rows(_ORGANIZATION))
    return Organization(row["Id"], bool(row["IsSandbox"]), row.get("OrganizationType") or "unknown edition")


def probe(client: SalesforceClient, schema: OrgSchema, paths: FieldPaths, writes: FieldPaths) -> tuple[Probe, ...]:
    """Look at everything; `writes` names the fields by object that write-back sets. Never raises a ConnectorError."""
    schema.forget()
    found: list[Probe] = []
    try:
        found.extend(_probes(client, schema, paths, writes))
    except ConnectorError as error:
        name = "calls" if found else "login"
        found.append(Probe(name, ok=False, detail=str(error), remedy="see the text; what follows was not looked at"))
    return tuple(found)


def _probes(client: SalesforceClient, schema: OrgSchema, paths: FieldPaths, writes: FieldPaths) -> Iterator[Probe]:
    version = _version(client)
    if not version.ok:
        yield version
        return
    org = organization(client)
    kind = "sandbox" if org.is_sandbox else "production"
    yield Probe("login", ok=True, detail=f"logged in at {client.tokens.current().instance}")
    yield Probe("organization", ok=True, detail=f"{org.id}, {org.edition}, {kind}")
    yield version
    yield _clock(client)
    yield from _reads(schema, paths)
    yield from _writes(schema, writes)
    yield _usage(client)


def _version(client: SalesforceClient) -> Probe:
    """Tell whether the org serves our version of the API: every version's own page says so."""
    ours = client.settings.api_version
    ok = client.read("") is not None
    detail = f"{ours} is served" if ok else f"the org does not serve {ours}"
    return Probe("api version", ok=ok, detail=detail, remedy="" if ok else "set api_version to one that the org serves")


def _reads(schema: OrgSchema, paths: FieldPaths) -> Iterator[Probe]:
    try:
        columns = routed(paths)
    except ConfigError as error:
        yield Probe("mapping", ok=False, detail=str(error), remedy="change the mapping file")
        return
    needed = {"Order": frozenset(), "OrderItem": frozenset(), **columns}
    for name, its_paths in sorted(needed.items()):
        if schema.describe(name) is None:
            grant = _GRANT.format(access="read access", what=f"the object {name}")
            yield Probe(f"read {name}", ok=False, detail="the org does not have or show this object", remedy=grant)
            continue
        missing = schema.missing_of(
            name, its_paths | (ORDER_TIES if name == "Order" and schema.has_cpq() else frozenset())
        )
        yield Probe(f"read {name}", ok=True, detail=f"{len(its_paths - missing)} of {len(its_paths)} columns readable")
        for path in sorted(missing):
            grant = _GRANT.format(access="read access", what=f"{name}.{path}")
            yield Probe(
                f"read {name}.{path}", ok=False, detail="the org does not have or show this column", remedy=grant
            )


def _writes(schema: OrgSchema, writes: FieldPaths) -> Iterator[Probe]:
    for name, fields in sorted(writes.items()):
        described = schema.describe(name)
        for field in sorted(fields):
            column = described.columns.get(field.lower()) if described else None
            ok = column is not None and column.updateable
            detail = (
                "updateable" if ok else "read-only for us" if column else "the org does not have or show this field"
            )
            remedy = "" if ok else _GRANT.format(access="edit access", what=f"{name}.{field}")
            yield Probe(f"write {name}.{field}", ok=ok, detail=detail, remedy=remedy)


def _clock(client: SalesforceClient) -> Probe:
    skew = client.transport.server_clock.skew
    seconds = round(skew.total_seconds())
    ok = abs(skew) <= _MAX_SKEW
    remedy = "" if ok else "set this host's clock by NTP; logins signed with it are refused when it is far off"
    return Probe("clock", ok=ok, detail=f"this host is {seconds} s ahead of Salesforce", remedy=remedy)


def _usage(client: SalesforceClient) -> Probe:
    used, limit = client.usage or (0, 0)
    ok = limit == 0 or used < limit * _USAGE_ALARM
    remedy = "" if ok else "find what else uses the org's daily requests (Setup, Company Information), or buy more"
    return Probe("api usage", ok=ok, detail=f"{used} of {limit} requests in 24 hours", remedy=remedy)
