"""Tests of a mapping, written by admins: records in, expected values, bills or plan out. Nothing is called.

mapping: ../salesforce-cpq.yaml
cases:
  - name: A quarterly order
    records: {Order: {801…: {…}}, …}      # or the name of a records file (connector snapshot)
    root: 801…                            # with records written here
    today: 2026-01-01
    expect:
      values: {801…: {currency: usd}}     # record id → slot → value; `contract` and `party` stand for their ids
      bills: {2026-01-01: 300.00}
      issues: []
      plan: {verdict: apply}              # any part of the plan's JSON document
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.crm.exact_json import write_json
from connector.crm.snapshot import FORMAT
from connector.domain.errors import ConfigError
from connector.domain.money import to_major
from connector.mapping.document import Document, Loc, key_text, read_document
from connector.mapping.mapping_file import MappingFile
from connector.mapping.problems import did_you_mean
from connector.mapping.values import UnreadableError, as_date, as_text, is_empty
from connector.offline import OfflineSettings, plan_records, read_mapping
from connector.plan.safety import Limits
from connector.sync import Planned

_CASE = ("name", "records", "root", "today", "expect")
_EXPECT = ("values", "bills", "issues", "plan")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One expectation that does not hold; `line` is where it stands in the file of cases."""

    line: int
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case."""

    file: str
    line: int
    name: str
    mismatches: tuple[Mismatch, ...]


def run_cases(path: Path, mapping: Path | None = None) -> tuple[CaseResult, ...]:
    """Run the cases of a file by a mapping (else by the one that the file names).

    Raises ConfigError for a file that is no file of cases, with the place.
    """
    document = _read(path)
    named = document.data.get("mapping")
    if mapping is None and not isinstance(named, str):
        raise _wrong(document, (), 'name the mapping: "mapping: ../salesforce-cpq.yaml", or give one with --mapping')
    rules = read_mapping(mapping or path.parent / str(named))
    cases = document.data.get("cases")
    if not isinstance(cases, list) or not cases:
        raise _wrong(document, ("cases",), '"cases" is a list with at least one case')
    return tuple(_run(document, path, index, case, rules) for index, case in enumerate(cases))


def _read(path: Path) -> Document:
    try:
        document = read_document(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"cannot read the file of cases {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the file of cases {path} is not UTF-8 text") from error
    if document.data is None or document.problems:
        raise ConfigError("\n".join(problem.render() for problem in document.problems))
    _known(document, (), document.data, ("mapping", "cases"))
    return document


def _run(document: Document, path: Path, index: int, case: Any, mapping: MappingFile) -> CaseResult:
    loc: Loc = ("cases", index)
    _known(document, loc, case, _CASE)
    expect = case.get("expect")
    _known(document, (*loc, "expect"), expect, _EXPECT)
    text, source = _records(document, path, loc, case, mapping.crm)
    moment = datetime.combine(_day(document, (*loc, "today"), case.get("today")), time(12), UTC)
    settings = OfflineSettings(now=moment, zone=ZoneInfo("UTC"), limits=Limits())
    planned = plan_records(text, mapping, settings, source=source)
    name = str(case.get("name") or f"case {index + 1}")
    found = tuple(_mismatches(document, (*loc, "expect"), expect, planned))
    return CaseResult(document.file, document.value_mark(loc).line, name, found)


def _records(document: Document, path: Path, loc: Loc, case: Mapping[str, Any], crm: str) -> tuple[str, str]:
    """Return the records file of a case as text, with its name for messages."""
    records = case.get("records")
    if isinstance(records, str):
        file = path.parent / records
        try:
            return file.read_text(encoding="utf-8"), str(file)
        except OSError as error:
            raise _wrong(document, (*loc, "records"), f"cannot read {file}: {error.strerror}") from error
    root = case.get("root")
    if not isinstance(records, dict) or not isinstance(root, str):
        raise _wrong(document, loc, '"records" names a records file, or holds records with their "root"')
    tables = {name: rows for name, rows in records.items() if isinstance(rows, dict)}
    owner = next((name for name, rows in tables.items() if root in rows), None)
    if owner is None:
        raise _wrong(document, (*loc, "root"), f"there is no record {root} under records")
    head = {"format": FORMAT, "crm": crm, "root": {"object": owner, "id": root}}
    return write_json({**head, "records": records}), f"{document.file}, {case.get('name')}"


def _mismatches(document: Document, loc: Loc, expect: Mapping[str, Any], planned: Planned) -> Iterator[Mismatch]:
    shown: Any = planned.document()
    yield from _values(document, (*loc, "values"), expect.get("values") or {}, planned)
    yield from _issues(document, loc, expect, planned)
    if "bills" in expect:
        yield from _bills(document, (*loc, "bills"), expect["bills"] or {}, planned)
    if "plan" in expect:
        yield from _subset(document, (*loc, "plan"), expect["plan"], shown, "plan")


def _values(document: Document, loc: Loc, wanted: Mapping[str, Any], planned: Planned) -> Iterator[Mismatch]:
    short = {"contract": planned.raw.root.id, "party": planned.contract.party.ref if planned.contract else ""}
    read = {(trace.ref[:15], trace.slot): trace.value for trace in planned.reading.trace}
    for ref, slots in wanted.items():
        for slot, value in (slots or {}).items():
            found = read.get((short.get(ref, ref)[:15], slot))
            if not _same(value, found):
                line = document.value_mark((*loc, ref, slot)).line
                yield Mismatch(line, f"{ref}: {slot}", _shown(value), _shown(found))


def _issues(document: Document, loc: Loc, expect: Mapping[str, Any], planned: Planned) -> Iterator[Mismatch]:
    """Compare the codes of all issues; a case that does not speak of them expects nothing that blocks."""
    told = "issues" in expect
    codes = sorted({issue.code.value for issue in planned.issues if told or issue.blocks})
    wanted = sorted({str(code) for code in expect.get("issues") or ()})
    if codes != wanted:
        line = document.value_mark((*loc, "issues") if told else loc).line
        texts = "; ".join(f"{issue.code}: {issue.message}" for issue in planned.issues if told or issue.blocks)
        yield Mismatch(line, "issues", ", ".join(wanted) or "none", texts or "none")


def _bills(document: Document, loc: Loc, wanted: Any, planned: Planned) -> Iterator[Mismatch]:
    plan = planned.plan
    sums: dict[str, Any] = {}
    for bill in plan.bills if plan is not None and not plan.blocked else ():
        if not bill.skipped:
            sums[bill.day.isoformat()] = sums.get(bill.day.isoformat(), 0) + bill.amount
    currency = plan.contract.currency if plan else "usd"
    found = {day: to_major(amount, currency) for day, amount in sums.items()}
    for day in sorted({*wanted, *found}):
        expected = wanted.get(day)
        if expected is None or day not in found or not _same(expected, found[day]):
            place = (*loc, day) if day in wanted else loc
            yield Mismatch(document.value_mark(place).line, f"bill of {day}", _shown(expected), _shown(found.get(day)))


def _subset(document: Document, loc: Loc, wanted: Any, found: Any, name: str) -> Iterator[Mismatch]:
    """Compare a part of the plan: tables by the keys that are given, lists one by one."""
    line = document.value_mark(loc).line
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from _subset(document, (*loc, key), value, found.get(key), f"{name}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            yield Mismatch(line, name, f"{len(wanted)} entries", f"{len(found)} entries")
        for index, (one, other) in enumerate(zip(wanted, found, strict=False)):
            yield from _subset(document, (*loc, index), one, other, f"{name}.{index}")
    elif isinstance(wanted, dict | list) or isinstance(found, dict | list) or not _same(wanted, found):
        yield Mismatch(line, name, _shown(wanted), _shown(found))


def _same(wanted: object, found: object) -> bool:
    if is_empty(wanted) or is_empty(found):
        return is_empty(wanted) and is_empty(found)
    if isinstance(wanted, list):
        return isinstance(found, list | tuple) and [*map(_shown, wanted)] == [*map(_shown, found)]
    return key_text(wanted) == key_text(found) or _shown(wanted) == _shown(found)


def _shown(value: object) -> str:
    if is_empty(value):
        return "nothing"
    try:
        return as_text(value)
    except UnreadableError:
        return ", ".join(map(_shown, value)) if isinstance(value, list | tuple) else str(value)


def _day(document: Document, loc: Loc, value: object) -> date:
    try:
        return as_date(value)
    except UnreadableError as error:
        raise _wrong(document, loc, 'give the day that counts as today: "today: 2026-01-31"') from error


def _known(document: Document, loc: Loc, table: object, keys: tuple[str, ...]) -> None:
    if not isinstance(table, dict):
        raise _wrong(document, loc, f"expected a table with {', '.join(keys)}")
    for key in table:
        if key not in keys:
            mark = document.key_mark((*loc, key))
            problem = document.problem(mark, "MAP-080", f'unknown key "{key}"', did_you_mean(key, keys))
            raise ConfigError(problem.render())


def _wrong(document: Document, loc: Loc, message: str) -> ConfigError:
    return ConfigError(document.problem(document.value_mark(loc), "MAP-080", message).render())
