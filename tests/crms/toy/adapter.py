"""The toy CRM as a CRM: what changed, whole contracts, and what people are told."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tenacity import Retrying

from connector.crm.exact_json import read_json
from connector.crm.kinds import Connecting, CrmKind
from connector.crm.protocol import Changed, ContractRef, Cursor, FieldPaths, Probe, WriteBack, WriteResult
from connector.crm.transport import CrmTransport
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.mapping.raw import RawContract, RawLine, RawRecord, RawRecords, RawRevision
from connector.retry import retry_policy

_LAG, _OVERLAP = timedelta(seconds=10), timedelta(minutes=15)
_BEGINNING = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_AWAY = frozenset({423, 429, 500, 502, 503, 504})
#: Field of a record → the object that it names.
PARENTS = {"customer": "customers"}


def families(records: RawRecords, roots: Iterable[str]) -> Iterator[RawContract]:
    """Yield the contracts of some sales: each with the sales that change it, by the day from which they count."""
    lines: dict[str, list[RawLine]] = {}
    for line in records.of("lines"):
        lines.setdefault(str(line.fields.get("sale")), []).append(RawLine(line))
    known = (record for root in roots if (record := records.get(f"sales/{root}")) is not None)
    firsts = {str(sale.fields.get("root") or sale.id): sale for sale in known}
    for key in firsts:
        first = records.get(f"sales/{key}")
        if first is None:
            continue
        changes = [sale for sale in records.of("sales") if sale.fields.get("root") == key]
        changes.sort(key=lambda sale: (str(sale.fields.get("start")), sale.id))
        revisions = tuple(
            RawRevision("amendment" if number else "initial", sale, tuple(lines.get(sale.id, ())))
            for number, sale in enumerate((first, *changes))
        )
        own = [first, *changes, *(line.record for each in revisions for line in each.lines)]
        payer = records.get(first.fields.get("CustomerId"))
        reached = RawRecords([*own, *([payer] if payer else [])])
        yield RawContract(key, "tests.crms.toy", first, revisions, reached, instance_url="https://toy.example")


class ToyCrm:
    """One toy CRM."""

    batch = 50

    def __init__(self, connecting: Connecting, *, policy: Retrying | None = None) -> None:
        self.name = connecting.name
        self._url = connecting.options.get("url", "https://toy.example")
        self._key = connecting.secrets["key"]
        self._http = CrmTransport("the toy CRM")
        self._token = ""
        self._policy = policy or retry_policy()
        self._told: tuple[Cursor, set[tuple[str, str]]] | None = None

    def changed(self, since: Cursor | None) -> Changed:
        """Return sales that may have changed, by themselves, by a line or by their customer."""
        start = since.stamp - _OVERLAP if since else _BEGINNING
        told = self._told[1] if self._told and self._told[0] == since else set()
        found = {(row["id"], row["changed"]): (table, row) for table, row in self._since(start)}
        fresh = [found[key] for key in found if key not in told]
        ids = [str(row["sale" if table == "lines" else "id"]) for table, row in fresh if table != "customers"]
        payers = [row["id"] for table, row in fresh if table == "customers"]
        ids += [row["id"] for row in self._find("sales", "customer", payers)] if since and payers else []
        now = self._http.server_clock.now()
        if now is None:
            raise RetryableError("the toy CRM did not tell its time")
        stamp = (now - _LAG).replace(microsecond=0)
        cursor = Cursor(max(stamp, since.stamp) if since else stamp)
        self._told = (cursor, set(found))
        return Changed(tuple(ContractRef(self.name, key) for key in dict.fromkeys(ids)), cursor)

    def fetch(self, refs: Sequence[ContractRef], paths: FieldPaths) -> Iterator[RawContract]:  # noqa: ARG002
        """Read whole contracts; every record comes with all its fields, so `paths` is not looked at."""
        asked = [ref.id for ref in refs]
        sales = {row["id"]: row for row in self._find("sales", "id", asked)}
        roots = [str(row.get("root") or row["id"]) for row in sales.values()]
        for field in ("id", "root"):
            sales |= {row["id"]: row for row in self._find("sales", field, roots)}
        lines = self._find("lines", "sale", list(sales))
        customers = self._find("customers", "id", [row["customer"] for row in sales.values() if row.get("customer")])
        tables = {"sales": sales.values(), "lines": lines, "customers": customers}
        records = RawRecords(_record(table, row) for table, rows in tables.items() for row in rows)
        yield from families(records, asked)

    def write_back(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Save values; a row that is refused comes back with its reason, the others are saved."""
        errors: dict[tuple[str, str], str | None] = {}
        everything = tuple(writes)
        for table in dict.fromkeys(write.object for write in everything):
            rows = [{"id": write.id, **write.fields} for write in everything if write.object == table]
            answer = self._call(f"{table}/save", {"rows": rows})
            errors |= {(table, row["id"]): why for row, why in zip(rows, answer["errors"], strict=True)}
        return tuple(WriteResult(each.object, each.id, errors[each.object, each.id]) for each in everything)

    def is_sandbox(self) -> bool:
        """Ask whether no real deals are closed here."""
        return bool(self._call("info", {})["test"])

    def checked_id(self, text: str) -> str:
        """Return a sale's id; raises ConfigError for what cannot be one."""
        if text[:1] == "s" and text[1:].isdigit():
            return text
        raise ConfigError(f"{text!r} is no id of a sale: it is an s and a number")

    def probe(self, paths: FieldPaths, writes: FieldPaths) -> tuple[Probe, ...]:
        """Say what is well and what is missing."""
        tables = self._call("info", {})["tables"]
        skew = self._http.server_clock.skew
        ok = abs(skew) < timedelta(minutes=2)
        found = [Probe("clock", ok=ok, detail=f"{skew}", remedy="" if ok else "set this host's clock by NTP")]
        for verb, fields in (("read", paths), ("write", writes)):
            for table, names in fields.items():
                missing = sorted(
                    {name.split(".")[0] for name in names} - {*tables.get(table, ()), "Customer", "CustomerId"}
                )
                found += [Probe(f"{verb} {table}.{name}", ok=False, detail="no such field") for name in missing]
        return tuple(found)

    def _since(self, start: datetime) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for table in ("sales", "lines", "customers"):
            yield from ((table, row) for row in self._find(table, "changed", [start.isoformat()]))

    def _find(self, table: str, field: str, values: Sequence[str]) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        more = bool(values)
        while more:
            after = rows[-1]["id"] if rows else ""
            answer = self._call(f"{table}/find", {"field": field, "values": list(values), "after": after})
            rows += answer["rows"]
            more = answer["more"]
        return rows

    def _call(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._policy(self._once, path, body)

    def _once(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send once; a session that has ended is opened again."""
        for _ in range(2):
            self._token = self._token or self._post("login", {"key": self._key})[1]["token"]
            status, answer = self._post(path, body)
            if status != 401:
                return answer
            self._token = ""
        raise ConfigError("the toy CRM ends every session at once; check its key")

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}"}
        response = self._http.post(f"{self._url}/api/{path}", json=body, headers=headers)
        said = read_json(response.text)
        if response.status_code in _AWAY:
            raise RetryableError(f"the toy CRM: {said}")
        if response.status_code == 403:
            raise ConfigError("the toy CRM does not know the key; check secrets.key of the connection")
        if response.status_code not in {200, 401}:
            raise RejectedError(f"the toy CRM: {said}", vendor="toy", status=response.status_code)
        return response.status_code, said


def _record(table: str, row: Mapping[str, Any]) -> RawRecord:
    """Return a record whose parents can be followed: `Customer.name` of a sale."""
    tied = {f"{field.title()}Id": f"{parent}/{row[field]}" for field, parent in PARENTS.items() if row.get(field)}
    return RawRecord(table, row["id"], {**row, **tied})


KIND = CrmKind(
    connect=ToyCrm,
    families=families,
    options={"url": "the CRM's address"},
    secrets={"key": "the key that the CRM gave you"},
)
