"""The CRM protocol over a records file: contracts without a CRM, for the demo, for tests and for support cases.

A records file holds what the connector knew of one contract when the file was written:

    {"format": "crm-records/1", "crm": "salesforce", "root": {"object": "Order", "id": "801..."},
     "instance_url": "https://...", "records": {"Order": {"801...": {"Type": "New", ...}}, ...}}

Empty fields are left out. Numbers are exact: they are read as int or Decimal and written digit by digit.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from connector.crm.exact_json import read_json, write_json
from connector.crm.hubspot.family import families as hubspot_families
from connector.crm.kinds import Topology, is_package, kind_of
from connector.crm.protocol import Changed, ContractRef, Cursor, FieldPaths, WriteBack, WriteResult
from connector.crm.redaction import Redaction
from connector.crm.salesforce.family import families
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawContract, RawRecord, RawRecords

FORMAT = "crm-records/1"

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RecordsFile:
    """A parsed records file."""

    crm: str
    root_object: str
    root_id: str
    records: RawRecords
    instance_url: str = ""


def load_records(text: str, *, source: str = "records file") -> RecordsFile:
    """Parse a records file; ConfigError says where it is wrong, why, and what to do. `source` names it in the text."""

    def fail(where: str, why: str) -> ConfigError:
        return ConfigError(f"{source}: {where}: {why}")

    try:
        data = read_json(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise fail(f"line {error.lineno}, column {error.colno}", f"not valid JSON: {error.msg}.") from error
    except ValueError as error:
        raise fail("JSON", str(error)) from error
    if not isinstance(data, dict):
        raise fail("top level", 'expected an object {"format": ..., "crm": ..., "root": ..., "records": ...}.')
    if data.get("format") != FORMAT:
        raise fail("format", f'found {data.get("format")!r}; write "format": "{FORMAT}".')
    crm, root, tables = data.get("crm"), data.get("root"), data.get("records")
    if not isinstance(crm, str) or not crm:
        raise fail("crm", 'name the CRM that the records come from, such as "crm": "salesforce".')
    if not isinstance(root, dict) or not all(isinstance(root.get(key), str) for key in ("object", "id")):
        raise fail("root", 'name the contract\'s record, such as "root": {"object": "Order", "id": "801..."}.')
    records = _records(tables, fail)
    if records.get(root["id"]) is None:
        raise fail("root", f"there is no record {root['id']} under records; add it, or name one that is there.")
    return RecordsFile(crm, root["object"], root["id"], records, str(data.get("instance_url") or ""))


def dump_records(raw: RawContract, *, redact: bool) -> str:
    """Write a contract's records as a records file; the same contract always gives the same text.

    With `redact`, names, e-mail addresses, phone numbers, streets, cities, tax ids, PO numbers, descriptions and links
    are replaced by placeholders, the same value by the same placeholder. Ids, dates, amounts and picklists are kept:
    the file still compiles alike.
    """
    redaction = Redaction()
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for record in sorted(raw.records, key=lambda r: (r.object, r.id)):
        fields = {name: record.fields[name] for name in sorted(record.fields) if record.fields[name] is not None}
        if redact:
            fields = redaction.fields(record.object, fields)
        tables.setdefault(record.object, {})[record.id] = fields
    head = {"format": FORMAT, "crm": raw.crm, "root": {"object": raw.root.object, "id": raw.root.id}}
    if raw.instance_url and not redact:
        head["instance_url"] = raw.instance_url
    return write_json({**head, "records": tables}, indent=1) + "\n"


class SnapshotCrm:
    """A CRM made of records files; write-backs change its records in memory and are listed in `written`."""

    def __init__(
        self,
        *files: RecordsFile,
        name: str = "snapshot",
        topologies: Mapping[str, Topology] | None = None,
        renewal: str = "hand_over",
    ) -> None:
        """`topologies` tells for further CRMs how their records hang together, by the file's `crm`.

        `renewal` is the mapping's policy: it decides which orders or deals make one contract.
        """
        self.name = name
        self.batch = 200
        self.written: list[WriteBack] = []
        self._files = {file.root_id: file for file in files}
        salesforce: Topology = partial(families, renewal=renewal)
        hubspot: Topology = partial(hubspot_families, renewal=renewal)
        known: dict[str, Topology] = {"salesforce": salesforce, "hubspot": hubspot}
        self._topologies: dict[str, Topology] = {**known, **(topologies or {})}

    def changed(self, since: Cursor | None) -> Changed:
        """Return every contract the first time, none later: files do not change."""
        refs = tuple(ContractRef(self.name, file.root_id) for file in self._files.values())
        return Changed(() if since else refs, since or Cursor(_NEVER))

    def stamps(self) -> Iterator[Mapping[str, datetime]]:
        """Yield every contract; files are never modified."""
        yield dict.fromkeys(self._files, _NEVER)

    def fetch(self, refs: Sequence[ContractRef], paths: FieldPaths) -> Iterator[RawContract]:  # noqa: ARG002
        """Yield the contracts of the refs; the files hold what they hold, so `paths` is not looked at."""
        roots: dict[str, list[str]] = {}
        for ref in refs:
            if file := self._file_of(ref.id):
                roots.setdefault(file.root_id, []).append(ref.id)
        for key, ids in roots.items():
            file = self._files[key]
            found = self._topology(file.crm)(file.records, ids)
            yield from (replace(raw, instance_url=file.instance_url) for raw in found)

    def write_back(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Change the records in memory; a record that no file holds is refused."""
        return tuple(self._write(write) for write in writes)

    def _topology(self, crm: str) -> Topology:
        """Return how a CRM's records hang together; ConfigError for a CRM that nobody knows."""
        if crm in self._topologies:
            return self._topologies[crm]
        if is_package(crm):
            return kind_of(crm).families
        raise ConfigError(f"the records are from {crm!r}; known: {', '.join(self._topologies)}, or a kind's package")

    def _file_of(self, record_id: str) -> RecordsFile | None:
        named = self._files.get(record_id)
        return named or next((file for file in self._files.values() if file.records.get(record_id)), None)

    def _write(self, write: WriteBack) -> WriteResult:
        self.written.append(write)
        file = self._file_of(write.id)
        record = file.records.get(write.id) if file else None
        if file is None or record is None:
            known = write.upsert_by is not None
            return WriteResult(write.object, write.id, None if known else "the records file has no such record")
        changed = RawRecord(record.object, record.id, {**record.fields, **write.fields})
        others = [other for other in file.records if other.id != record.id]
        self._files[file.root_id] = replace(file, records=RawRecords([*others, changed]))
        return WriteResult(write.object, write.id)


def _records(tables: object, fail: Callable[[str, str], ConfigError]) -> RawRecords:
    if not isinstance(tables, dict):
        raise fail("records", 'expected {"Order": {"801...": {"Type": "New", ...}}, ...}.')
    found: list[RawRecord] = []
    for name, rows in tables.items():
        if not isinstance(rows, dict):
            raise fail(f"records.{name}", "expected an object of records by their id.")
        for key, fields in rows.items():
            if not isinstance(fields, dict):
                raise fail(f"records.{name}.{key}", "expected the record's fields by their API name.")
            found.append(RawRecord(name, key, fields))
    return RawRecords(found)


def _no_constant(name: str) -> Any:
    message = f"{name} is not a number that a CRM can hold; leave the field out."
    raise ValueError(message)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # The same few names of fields stand in every record; ids, under which records stand, are each another.
    made = {key if isinstance(value, dict) else sys.intern(key): value for key, value in pairs}
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        message = f"{twice!r} occurs twice in one object; keep one of them."
        raise ValueError(message)
    return made
