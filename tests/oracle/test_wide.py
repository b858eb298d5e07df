"""Contracts with more lines than a schedule holds: the same bills, on linked schedules, and lines that stay put."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from connector.compile.group import groups_of
from connector.domain.contract import Contract
from connector.domain.timeline import timeline
from tests.builders import seeded
from tests.oracle.deals import deal, today_of
from tests.oracle.laws import broken
from tests.oracle.verdict import judge

BATCHES = [(range(200_000, 200_030), 30), (range(200_030, 200_050), 60)]


def wide(seed: int, lines: int) -> Contract:
    return deal(seed, lines)


def lots(contract: Contract) -> Mapping[str, tuple[int, int]]:
    """Return the schedule of each line that is ever in force, by frequency and number."""
    pieces, _ = timeline(contract)
    intervals = {entry.line.interval for piece in pieces for entry in piece.in_force}
    groups = [group for interval in sorted(intervals) for group in groups_of(contract, pieces, interval)]
    return {
        entry.line.ref: (group.grid.interval, group.number)
        for group in groups
        for piece in group.slices
        for entry in piece.in_force
    }


@pytest.mark.parametrize(("seeds", "lines"), BATCHES, ids=str)
def test_every_bill_is_the_oracles(seeds, lines):
    found = {seed: judge(contract := wide(seed, lines), today_of(seed, contract)) for seed in seeds}
    assert {seed: verdict.faults for seed, verdict in found.items() if verdict.wrong} == {}
    assert not {code for verdict in found.values() for code in verdict.codes} & {"LIMIT_ITEMS", "LIMIT_PHASES"}
    assert sum(verdict.compared for verdict in found.values()) >= len(found) * 0.7


@pytest.mark.parametrize(("seeds", "lines"), BATCHES, ids=str)
def test_the_laws_hold(seeds, lines):
    assert {seed: told for seed in seeds if (told := list(broken(wide(seed, lines), seeded(seed))))} == {}


@pytest.mark.parametrize(("seeds", "lines"), BATCHES, ids=str)
def test_a_later_order_never_moves_a_line_to_another_schedule(seeds, lines):
    linked = 0
    for seed in seeds:
        contract = wide(seed, lines)
        for count in range(1, len(contract.revisions)):
            earlier = lots(replace(contract, revisions=contract.revisions[:count]))
            later = lots(replace(contract, revisions=contract.revisions[: count + 1]))
            assert {ref: later[ref] for ref in earlier if ref in later} == {
                ref: key for ref, key in earlier.items() if ref in later
            }, seed
            linked += len(set(later.values())) > len({interval for interval, _ in later.values()})
    assert linked > len(seeds) / 4


@pytest.mark.parametrize(("seeds", "lines"), BATCHES, ids=str)
def test_no_phase_has_more_items_than_stripe_takes(seeds, lines):
    for seed in seeds:
        contract = wide(seed, lines)
        pieces, _ = timeline(contract)
        for interval in {entry.line.interval for piece in pieces for entry in piece.in_force}:
            sizes = [len(p.in_force) for group in groups_of(contract, pieces, interval) for p in group.slices]
            assert max(sizes) <= 20, seed
