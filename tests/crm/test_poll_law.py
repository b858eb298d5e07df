"""Whatever commits when, and whichever process polls: every contract was told after its last change became visible.

Edits are stamped when they are made and come to light later, up to what the overlap reaches back, so that an older one
may end up over a newer one; polls come at odd times, some are forgotten (the process died before the cursor was saved),
and cursors go through the journal's text.
"""

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.crm.protocol import Changed, ConnectedCrm, Cursor
from connector.offline import bundled_mapping, read_mapping
from connector.stamps import cursor_of, cursor_value, filters_hash
from tests.builders import seeded
from tests.crm.sites import HubSpotSite, SalesforceSite

KINDS = {"salesforce": timedelta(minutes=10), "hubspot": timedelta(minutes=15)}
CONTRACTS = 5


class World:
    """One CRM in which edits come to light late, and what was read of each contract when it was told."""

    def __init__(self, kind: str, running: ExitStack) -> None:
        site = SalesforceSite if kind == "salesforce" else HubSpotSite
        self.site = site(running, CONTRACTS)
        self.edited: set[str] = set()
        self.told: dict[str, list[str]] = {contract: [] for contract in self.site.contracts}

    def edit(self, contract: str, text: str, seen_in: timedelta) -> None:
        self.edited.add(contract)
        if isinstance(self.site, SalesforceSite):
            self.site.org.update_late("Order", contract, {"PoNumber": text}, visible_in=seen_in)
        else:
            self.site.portal.set_lag(seen_in.total_seconds())
            self.site.portal.update("deals", contract, {"hs_next_step": text})

    def read(self, contract: str) -> str:
        if isinstance(self.site, SalesforceSite):
            return str(self.site.org.records("Order")[contract].get("PoNumber"))
        return str(self.site.portal.records("deals")[contract].get("hs_next_step"))

    def take(self, changed: Changed) -> None:
        for contract in {ref.id for ref in changed.refs} & self.told.keys():
            self.told[contract].append(self.read(contract))


def saved(cursor: Cursor) -> Cursor:
    """Return a cursor as the next process reads it."""
    return cursor_of(json.loads(json.dumps(cursor_value(cursor))))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_every_contract_is_seen_as_it_was_committed_last(kind: str, seed: int) -> None:
    chance = seeded(seed)
    with ExitStack() as running:
        world = World(kind, running)
        crm: ConnectedCrm = world.site.crm()
        cursor = saved(crm.changed(None).cursor)
        for number in range(25):
            if chance.random() < 0.6:
                delay = timedelta(seconds=chance.choice([0, 0, 5, 45, 200, KINDS[kind].total_seconds()]))
                world.edit(chance.choice(world.site.contracts), f"edit {number}", delay)
            world.site.advance(seconds=chance.choice([0, 1, 30, 61, 240, 700]))
            if chance.random() < 0.2:
                crm = world.site.crm()  # another process
            changed = crm.changed(cursor)
            if chance.random() < 0.15:
                continue  # it died: nothing was read, and the cursor stays
            world.take(changed)
            cursor = saved(changed.cursor)
        for _ in range(2):
            world.site.advance(minutes=16)
            changed = crm.changed(cursor)
            world.take(changed)
            cursor = saved(changed.cursor)
        assert {each: world.told[each][-1] for each in world.edited} == {
            each: world.read(each) for each in world.edited
        }
        world.site.advance(minutes=1)
        assert not {ref.id for ref in crm.changed(cursor).refs} & world.told.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_overlap_reads_again_is_told_once(kind: str) -> None:
    with ExitStack() as running:
        world = World(kind, running)
        crm = world.site.crm()
        cursor = saved(crm.changed(None).cursor)
        world.site.advance(minutes=20)
        cursor = saved(crm.changed(cursor).cursor)
        world.edit(world.site.contracts[0], "once", timedelta(0))
        for _ in range(8):
            world.site.advance(minutes=1)
            changed = world.site.crm().changed(cursor)
            world.take(changed)
            cursor = saved(changed.cursor)
        assert world.told[world.site.contracts[0]] == ["once"]


@pytest.mark.parametrize("kind", KINDS)
def test_stamps_are_those_that_polls_tell(kind: str) -> None:
    """A sweep compares the two: for every record that was not modified since they are equal."""
    with ExitStack() as running:
        world = World(kind, running)
        crm = world.site.crm()
        world.site.advance(minutes=5)
        told = crm.changed(None).stamps
        read = {record: stamp for page in crm.stamps() for record, stamp in page.items()}
        assert read == told
        assert len(read) == CONTRACTS + 1


def test_a_mapping_is_known_by_its_filters() -> None:
    mapping = read_mapping(bundled_mapping("salesforce"))
    assert filters_hash(mapping) == filters_hash(replace(mapping, hash="other", name="other"))
    gates = replace(mapping.gates, when=None)
    assert filters_hash(mapping) != filters_hash(replace(mapping, gates=gates))
