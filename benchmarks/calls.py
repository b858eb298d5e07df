"""Calls per deal, counted by the emulators: a new ramp, one for a new customer, unchanged, changed, and a batch."""

from collections.abc import Iterator

from benchmarks.company import order_id
from benchmarks.emulators import Emulators, emulators
from benchmarks.table import Row
from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.poll import sync_refs
from connector.sync import Desk

#: What the vendor's own connector needed for a three-line segmented order, in published recordings of its traffic.
INCUMBENT = {"salesforce": 26 + 7, "stripe": 12}
BATCH = 200


def calls() -> Iterator[Row]:
    """Yield the calls of each case, per deal."""
    with emulators(2, customers=False) as both, open_journal("sqlite://", upgrade=True) as journal:
        desk = both.desk(journal)
        _count(both, desk, [0])  # logs in, learns the org's columns, makes customer and products
        yield from _rows("new ramp, known customer", _count(both, desk, [1]))
        yield from _rows("the same, unchanged", _count(both, desk, [1]), compare=False)
        both.change("Order", order_id(1), {"PoNumber": "PO-NEW"})
        yield from _rows("the same, changed", _count(both, desk, [1]), compare=False)
    with emulators(BATCH + 2, customers=True) as both, open_journal("sqlite://", upgrade=True) as journal:
        desk = both.desk(journal)
        _count(both, desk, [0])
        yield from _rows("new ramp, new customer", _count(both, desk, [1]))
        many = range(2, BATCH + 2)
        yield from _rows(f"{BATCH} new ramps and customers", _count(both, desk, many), per=BATCH)
        yield from _rows(f"{BATCH} unchanged", _count(both, desk, many), per=BATCH, compare=False)


def _count(both: Emulators, desk: Desk, numbers: range | list[int]) -> dict[str, int]:
    before = both.counters()
    refs = [ContractRef(desk.name, order_id(number)) for number in numbers]
    for result in sync_refs(desk, refs, job="benchmark", config_hash=""):
        assert result.outcome in {"applied", "nothing"}, result.error
    after = both.counters()
    return {vendor: after[vendor] - before[vendor] for vendor in after}


def _rows(case: str, counted: dict[str, int], *, per: int = 1, compare: bool = True) -> Iterator[Row]:
    for vendor, number in counted.items():
        each = number / per
        incumbent = INCUMBENT[vendor] if compare else None
        yield Row(f"{case}: {vendor.capitalize()} calls", each, "per deal", incumbent)
