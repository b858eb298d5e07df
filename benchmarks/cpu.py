"""Processor time per deal: in the pure core, and end to end through the real SDKs (emulators not counted)."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.company import order_id
from benchmarks.day import TODAY
from benchmarks.emulators import emulators
from benchmarks.table import Row
from connector.compile.contract import compile_contract
from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.mapping.raw import RawContract
from connector.mapping.reader import read_contract
from connector.plan.existing import NOTHING
from connector.plan.plan import make_plan
from connector.poll import sync_refs
from connector.sync import Desk

COUNT = 200


def cpu() -> Iterator[Row]:
    """Yield milliseconds of processor time per three-segment, five-line deal."""
    with (
        tempfile.TemporaryDirectory() as folder,
        emulators(COUNT, customers=True) as both,
        open_journal(f"sqlite:///{Path(folder) / 'journal.db'}", upgrade=True) as journal,
    ):
        desk = both.desk(journal)
        refs = [ContractRef(desk.name, order_id(number)) for number in range(COUNT)]
        raws: list[RawContract] = []
        reading = _milliseconds(lambda: raws.extend(desk.crm.fetch(refs, desk.mapping.paths)))
        yield Row("reading 200 orders from Salesforce", reading / COUNT, "ms CPU per deal")
        core = min(_milliseconds(lambda: _core(desk, raws)) for _ in range(3))
        yield Row("pure core: read, compile, plan", core / COUNT, "ms CPU per deal")
        new = _milliseconds(lambda: _sync(desk, refs, "applied"))
        yield Row("end to end, new customer and ramp", new / COUNT, "ms CPU per deal")
        same = min(_milliseconds(lambda: _sync(desk, refs, "nothing")) for _ in range(2))
        yield Row("end to end, unchanged", same / COUNT, "ms CPU per deal")


def _milliseconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1000


def _core(desk: Desk, raws: list[RawContract]) -> None:
    for raw in raws:
        contract = read_contract(raw, desk.mapping).contract
        assert contract is not None
        plan = make_plan(contract, compile_contract(contract), NOTHING, TODAY)
        assert plan.fingerprint


def _sync(desk: Desk, refs: list[ContractRef], outcome: str) -> None:
    outcomes = {result.outcome for result in sync_refs(desk, refs, job="benchmark", config_hash="")}
    assert outcomes == {outcome}, outcomes
