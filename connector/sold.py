"""What was billed of deals that are edited in place: between the journal's rows and the values of readings.

It is kept just before Stripe is written to, as an intent is: killed in between, the next look finds the day from which
the edit counts. Where Stripe refuses the writes, what was kept before counts again.
"""

from connector.crm.exact_json import read_json, write_json
from connector.desk import Desk, Planned
from connector.journal import SoldRow
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawLine, RawRecord, RawRevision, SoldBefore, SoldFrom
from connector.mapping.rules import Const


def sold_before(desk: Desk, contract_key: str) -> SoldBefore | None:
    """Return what was billed of a contract so far; None where orders say themselves what they change."""
    if "mode" not in desk.mapping.sections["revision"]:
        return None
    rows = desk.account.journal.sold(desk.name, contract_key)
    return SoldBefore(desk.today(), tuple(_version(row) for row in rows))


def may_amend(mapping: MappingFile) -> bool:
    """Tell whether an edit of a billed deal may count from a day on, by the mapping."""
    rule = mapping.sections["contract"].get("in_place_edits")
    return rule is not None and (not isinstance(rule.origin, Const) or rule.origin.value == "amend")


def marks_of(before: SoldBefore | None) -> tuple[tuple[str, str], ...]:
    """Return what was billed in short: what a plan was made with can be told from what counts now."""
    return tuple((str(each.since), each.inputs) for each in before.versions) if before else ()


def keep_sold(desk: Desk, one: Planned) -> tuple[SoldRow, ...]:
    """Keep what a contract is about to be billed for; returns what was kept before."""
    wanted = one.reading.sold
    if not wanted:
        return ()
    journal, key = desk.account.journal, one.raw.key
    rows = journal.sold(desk.name, key)
    if [(row.since, row.inputs) for row in rows] != [(each.since, each.inputs) for each in wanted]:
        journal.save_sold(desk.name, key, [_row(each) for each in wanted], desk.clock())
    return rows


def keep_sold_as_before(desk: Desk, one: Planned, rows: tuple[SoldRow, ...]) -> None:
    """Let count again what was kept before: Stripe has refused what the deal says now."""
    wanted = one.reading.sold
    if not wanted:
        return
    if rows and rows[-1].inputs == wanted[-1].inputs:  # it was refused before, and the process ended just then
        rows = rows[:-1]
    desk.account.journal.save_sold(desk.name, one.raw.key, rows, desk.clock())


def _version(row: SoldRow) -> SoldFrom:
    said = read_json(row.records)
    lines = tuple(
        RawLine(
            _record(line["record"]),
            *(tuple(_record(each) for each in line[name]) for name in ("rate_schedules", "rates", "discounts")),
        )
        for line in said["lines"]
    )
    discounts = tuple(_record(each) for each in said["discounts"])
    revision = RawRevision(said["kind"], _record(said["record"]), lines, discounts)
    return SoldFrom(row.since, row.inputs, revision, tuple(_record(each) for each in said["related"]))


def _row(version: SoldFrom) -> SoldRow:
    first = version.revision
    lines = [
        {
            "record": _told(line.record),
            "rate_schedules": [_told(each) for each in line.rate_schedules],
            "rates": [_told(each) for each in line.rates],
            "discounts": [_told(each) for each in line.discounts],
        }
        for line in first.lines
    ]
    said = {
        "kind": first.kind,
        "record": _told(first.record),
        "lines": lines,
        "discounts": [_told(each) for each in first.discounts],
        "related": [_told(each) for each in version.related],
    }
    return SoldRow(version.since, version.inputs, write_json(said))


def _record(said: list[object]) -> RawRecord:
    name, key, fields = said
    return RawRecord(str(name), str(key), fields if isinstance(fields, dict) else {})


def _told(record: RawRecord) -> list[object]:
    return [record.object, record.id, {name: value for name, value in record.fields.items() if value is not None}]
