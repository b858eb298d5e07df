"""What every CRM adapter promises, run unchanged for each of them over real HTTP.

A kind of CRM that has no emulator, mapping file, story or site here fails: half an adapter is none.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, get_args

import pytest

from connector.cli.playground import Playground
from connector.cli.stage import stage_of
from connector.config.rules import CRM_KINDS
from connector.config.tables import Connection
from connector.crm.kinds import mapping_of, parts_missing
from connector.crm.protocol import Changed, ConnectedCrm, ContractRef, Cursor
from connector.crm.snapshot import SnapshotCrm, dump_records, load_records
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.mapping.raw import RawContract
from connector.offline import bundled_mapping, read_mapping
from tests.crm.sites import SITES, Site, packaged
from tests.wiring import TODAY


class MakeSite:
    """Makes sites of one kind; they are closed with the test."""

    def __init__(self, kind: str, running: ExitStack) -> None:
        self.site: Any = SITES[kind]
        self._running = running

    def __call__(self, count: int = 2, **options: Any) -> Site:
        made: Site = self.site(self._running, count, **options)
        return made


@pytest.fixture(params=SITES)
def make_site(request: pytest.FixtureRequest) -> Iterator[MakeSite]:
    with ExitStack() as running:
        yield MakeSite(request.param, running)


def raw_url(site: Site) -> str:
    (raw,) = fetched(site.crm(), site, site.contracts[0])
    return raw.instance_url


def ids(changed: Changed) -> set[str]:
    assert len(set(changed.refs)) == len(changed.refs)
    return {ref.id for ref in changed.refs}


def fetched(crm: ConnectedCrm, site: Site, *contracts: str) -> list[RawContract]:
    return list(crm.fetch([ContractRef(crm.name, each) for each in contracts], site.paths))


def settled(site: Site, crm: ConnectedCrm) -> Cursor:
    """Poll until only what comes next is told."""
    cursor = crm.changed(None).cursor
    site.advance(minutes=20)
    return crm.changed(cursor).cursor


# --- completeness ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CRM_KINDS)
def test_a_kind_of_crm_is_whole(kind: str) -> None:
    assert kind in SITES
    mapping = read_mapping(bundled_mapping(kind))
    assert mapping.crm == kind
    assert mapping.write_back
    playground = Playground(TODAY, crms=(kind,))
    assert len(stage_of(kind, playground).records) >= 15, "a story has scenarios enough"


def test_every_connection_is_one_of_the_kinds() -> None:
    (choices, *_) = get_args(Connection)
    kinds = (get_args(get_args(each)[0].model_fields["kind"].annotation) for each in get_args(choices))
    found = {kind[0] if kind else None for kind in kinds}
    assert found - {None} == set(CRM_KINDS) == set(SITES) - set(packaged())


@pytest.mark.parametrize("kind", packaged())
def test_a_kind_that_is_a_package_is_whole(kind: str) -> None:
    assert parts_missing(kind) == ()
    assert read_mapping(mapping_of(kind)).crm == kind
    assert read_mapping(mapping_of(kind)).write_back


# --- reading -----------------------------------------------------------------------------------------------


def test_a_contract_is_whole_whatever_it_is_asked_by(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    for asked in (site.contracts[-1], site.amendment):
        (raw,) = fetched(crm, site, asked)
        assert [revision.record.id for revision in raw.revisions] == [site.contracts[-1], site.amendment]
        assert [revision.kind for revision in raw.revisions] == ["initial", "amendment"]
        assert all(len(revision.lines) >= 1 for revision in raw.revisions)
        assert raw.root.id == raw.key == site.contracts[-1]


def test_several_refs_of_one_contract_give_it_once_and_unknown_ones_nothing(make_site: MakeSite) -> None:
    site = make_site()
    first, last = site.contracts
    found = fetched(site.crm(), site, first, last, site.amendment, site.nobody(), first)
    assert [raw.key for raw in found] == [first, last]


def test_the_order_of_records_and_refs_does_not_matter(make_site: MakeSite) -> None:
    site = make_site(3)
    once = {raw.key: dump_records(raw, redact=False) for raw in fetched(site.crm(), site, *site.contracts)}
    again = {raw.key: dump_records(raw, redact=False) for raw in fetched(site.crm(), site, *reversed(site.contracts))}
    assert once == again


def test_the_same_contract_comes_over_the_network_as_out_of_a_file(make_site: MakeSite) -> None:
    site = make_site()
    (raw,) = fetched(site.crm(), site, site.amendment)
    file = load_records(dump_records(raw, redact=False))
    snapshot = SnapshotCrm(file)
    (again,) = snapshot.fetch(snapshot.changed(None).refs, site.paths)
    assert dump_records(again, redact=False) == dump_records(raw, redact=False)
    assert [revision.record.id for revision in again.revisions] == [revision.record.id for revision in raw.revisions]
    assert [[line.record.id for line in revision.lines] for revision in again.revisions] == [
        [line.record.id for line in revision.lines] for revision in raw.revisions
    ]


def test_what_comes_in_pages_is_whole(make_site: MakeSite) -> None:
    large, small = make_site(), make_site(**make_site.site.paged)
    for site in (large, small):
        site.crm().is_sandbox()
    before = [site.requests() for site in (large, small)]
    whole, paged = (
        [dump_records(raw, redact=False) for raw in fetched(site.crm(), site, *site.contracts)]
        for site in (large, small)
    )
    asked = [site.requests() - first for site, first in zip((large, small), before, strict=True)]
    assert whole == [text.replace(raw_url(small), raw_url(large)) for text in paged]
    assert asked[1] > asked[0], "the answers came in pages"


def test_links_lead_to_records(make_site: MakeSite) -> None:
    site = make_site()
    (raw,) = fetched(site.crm(), site, site.contracts[0])
    page = raw.pages.get(raw.root.object)
    assert raw.instance_url.startswith("http")
    assert f"{raw.instance_url}{f'/{page}' if page else ''}/{raw.root.id}".endswith(site.link(site.contracts[0]))


def test_an_id_that_is_none_is_told(make_site: MakeSite) -> None:
    site = make_site()
    assert site.crm().checked_id(site.contracts[0]) == site.contracts[0]
    with pytest.raises(ConfigError):
        site.crm().checked_id("the big one")


def test_the_crm_says_what_it_is(make_site: MakeSite) -> None:
    assert make_site().crm().is_sandbox() in {True, False}


def test_a_field_that_the_crm_does_not_have_counts_as_empty_and_doctor_names_it(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    name, field = site.unknown
    paths = {**site.paths, name: site.paths[name] | {field}}
    known = {raw.key: dump_records(raw, redact=False) for raw in fetched(crm, site, *site.contracts)}
    refs = [ContractRef(crm.name, each) for each in site.contracts]
    assert {raw.key: dump_records(raw, redact=False) for raw in site.crm().fetch(refs, paths)} == known
    bad = [probe for probe in site.crm().probe(paths, {}) if not probe.ok]
    assert [probe.name for probe in bad if field in f"{probe.name} {probe.detail}"] == [f"read {name}.{field}"]
    assert field not in " ".join(f"{probe.name} {probe.detail}" for probe in site.crm().probe(site.paths, {}))


def test_a_deleted_line_is_no_part_of_its_contract(make_site: MakeSite) -> None:
    site = make_site()
    (before,) = fetched(site.crm(), site, site.contracts[0])
    site.delete_line(site.contracts[0])
    (after,) = fetched(site.crm(), site, site.contracts[0])
    assert len(after.revisions[0].lines) == len(before.revisions[0].lines) - 1


def test_a_deleted_record_is_no_contract_and_does_not_hold_up_the_others(make_site: MakeSite) -> None:
    site = make_site(3)
    crm = site.crm()
    site.delete(site.contracts[0])
    found: list[str] = []
    refs = [ContractRef(crm.name, each) for each in site.contracts]
    told: str | None = site.contracts[0]
    try:
        for raw in crm.fetch(refs, site.paths):
            found.append(raw.key)  # noqa: PERF401 - what came before a refusal counts
    except RejectedError as error:
        told = error.param
    assert told == site.contracts[0]
    assert found == list(site.contracts[1:])


def test_a_merged_customer_is_followed(make_site: MakeSite) -> None:
    site = make_site(3)
    crm = site.crm()
    cursor = settled(site, crm)
    first, other = site.contracts[:2]
    assert [site.payer(raw) for raw in fetched(crm, site, first, other)] == ["Customer 1", "Customer 2"]
    site.advance(minutes=20)
    site.merge_payers(first, other)
    site.advance(minutes=2)
    assert first in ids(crm.changed(cursor)), "its customer is another one now"
    assert [site.payer(raw) for raw in fetched(crm, site, first, other)] == ["Customer 2", "Customer 2"]


# --- polling -----------------------------------------------------------------------------------------------


def test_the_first_poll_tells_everything_and_the_next_nothing(make_site: MakeSite) -> None:
    site = make_site(3)
    crm = site.crm()
    first = crm.changed(None)
    assert set(site.contracts) <= ids(first)
    site.advance(minutes=20)
    second = crm.changed(first.cursor)
    site.advance(minutes=20)
    assert ids(crm.changed(second.cursor)) == set()


def test_a_poll_of_more_than_a_page_tells_each_once(make_site: MakeSite) -> None:
    site = make_site(make_site.site.many, **make_site.site.paged)
    assert set(site.contracts) <= ids(site.crm().changed(None))
    crm = site.crm()
    cursor = settled(site, crm)
    site.advance(minutes=20)
    for contract in site.contracts:
        site.edit(contract)
    site.advance(minutes=2)
    before = site.requests()
    assert ids(crm.changed(cursor)) == set(site.contracts)
    assert site.requests() > before


@pytest.mark.parametrize("what", ["edit", "edit_line"])
def test_an_edit_tells_its_contract_once(make_site: MakeSite, what: str) -> None:
    site = make_site(3)
    crm = site.crm()
    cursor = settled(site, crm)
    site.advance(minutes=20)
    getattr(site, what)(site.contracts[1])
    site.advance(minutes=2)
    changed = crm.changed(cursor)
    assert ids(changed) == {site.contracts[1]}
    assert ids(crm.changed(changed.cursor)) == set()


def test_what_is_seen_late_is_not_lost(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    cursor = settled(site, crm)
    site.advance(minutes=20)
    site.edit_late(site.contracts[0])
    site.advance(seconds=5)
    early = crm.changed(cursor)
    assert site.contracts[0] not in ids(early)
    site.advance(minutes=2)
    assert site.contracts[0] in ids(crm.changed(early.cursor))


def test_a_new_process_goes_on_from_a_stored_cursor(make_site: MakeSite) -> None:
    site = make_site()
    cursor = settled(site, site.crm())
    site.advance(minutes=30)
    site.edit(site.contracts[0])
    site.advance(minutes=2)
    again = site.crm().changed(Cursor(cursor.stamp, cursor.id))
    assert site.contracts[0] in ids(again)
    assert again.cursor.stamp > cursor.stamp


def test_the_cursor_is_of_the_servers_time_and_never_goes_back(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    first = crm.changed(None).cursor
    assert first.stamp.year == 2027, "the emulators stand in January 2027, wherever the host is"
    second = crm.changed(first).cursor
    assert second.stamp >= first.stamp


# --- writing -----------------------------------------------------------------------------------------------


def test_a_refused_row_does_not_touch_the_others(make_site: MakeSite) -> None:
    site = make_site()
    first, last = site.contracts
    refused, stored = site.crm().write_back([site.bad_write(first), site.write(last, "all is well")])
    assert (refused.id, stored.id) == (first, last)
    assert refused.error
    assert stored.error is None
    assert site.written(last) == "all is well"


def test_a_locked_record_is_tried_again(make_site: MakeSite) -> None:
    site = make_site()
    site.lock(site.contracts[0])
    (result,) = site.crm().write_back([site.write(site.contracts[0], "told")])
    assert result.error is None
    assert site.written(site.contracts[0]) == "told"


def test_a_record_that_is_gone_comes_back_with_a_reason(make_site: MakeSite) -> None:
    site = make_site()
    (result,) = site.crm().write_back([site.write(site.nobody(), "nobody")])
    assert result.error


@pytest.mark.parametrize("what", ["edit", "edit_line"])
def test_somebody_elses_edit_between_reading_and_writing_is_kept_and_told(make_site: MakeSite, what: str) -> None:
    site = make_site()
    crm = site.crm()
    cursor = settled(site, crm)
    site.advance(minutes=20)
    (before,) = fetched(crm, site, site.contracts[0])
    getattr(site, what)(site.contracts[0])
    site.advance(seconds=2)
    (result,) = crm.write_back([site.write(site.contracts[0], "told")])
    assert result.error is None
    site.advance(minutes=2)
    assert site.contracts[0] in ids(crm.changed(cursor)), "our own write does not hide it"
    (raw,) = fetched(crm, site, site.contracts[0])
    assert site.written(site.contracts[0]) == "told"
    if what == "edit":
        assert site.edited(raw)
        assert site.edited(raw) != site.edited(before)
    else:
        values = [str(value) for line in raw.revisions[0].lines for value in line.record.fields.values()]
        assert {"7", "7.0"} & set(values)


def test_nothing_to_write_is_no_call(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    before = site.requests()
    assert crm.write_back([]) == ()
    assert site.requests() == before


# --- trouble -----------------------------------------------------------------------------------------------

TROUBLES: dict[str, dict[str, Any]] = {
    "unavailable": {"action": "status", "status": 503},
    "too many requests": {"action": "status", "status": 429},
    "dropped before": {"action": "drop_before"},
    "dropped after": {"action": "drop_after"},
}


def test_an_ended_session_is_renewed_or_told_but_never_taken_for_no_answer(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    cursor = settled(site, crm)
    calls: list[Callable[[], object]] = [
        lambda: fetched(crm, site, site.contracts[0]),
        lambda: crm.changed(cursor),
        lambda: crm.write_back([site.write(site.contracts[0], "told")]),
    ]
    for call in calls:
        site.expire()
        if site.logs_in:
            assert call()
        else:
            with pytest.raises(ConfigError, match="token"):
                call()
    assert (site.written(site.contracts[0]) == "told") is site.logs_in


def test_a_limit_that_is_reached_is_waited_for(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    whole = fetched(crm, site, *site.contracts)
    before = site.requests()
    fetched(crm, site, *site.contracts)
    needed = site.requests() - before
    site.exhaust()
    again = fetched(crm, site, *site.contracts)
    assert [raw.key for raw in again] == [raw.key for raw in whole]
    assert site.requests() - before == 2 * needed + 1, "one request was refused and sent again"


def test_a_host_whose_clock_is_wrong_polls_by_the_servers_and_doctor_says_so(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    cursor = settled(site, crm)
    site.advance(minutes=20)
    site.edit(site.contracts[0])
    site.advance(minutes=2)
    assert ids(crm.changed(cursor)) == {site.contracts[0]}
    (clock,) = [probe for probe in crm.probe(site.paths, {}) if probe.name == "clock"]
    assert not clock.ok, "the emulators stand in another year than the host"
    assert "NTP" in clock.remedy


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_what_passes_is_tried_again(make_site: MakeSite, trouble: dict[str, Any]) -> None:
    site = make_site()
    crm = site.crm()
    fetched(crm, site, site.contracts[0])
    site.break_next(**trouble)
    assert len(fetched(crm, site, site.contracts[0])) == 1
    site.break_next(**trouble)
    (result,) = crm.write_back([site.write(site.contracts[0], "once")])
    assert result.error is None
    assert site.written(site.contracts[0]) == "once"


def test_a_crm_that_stays_away_is_told(make_site: MakeSite) -> None:
    site = make_site()
    crm = site.crm()
    fetched(crm, site, site.contracts[0])
    site.break_next("status", status=503, times=None)
    with pytest.raises(RetryableError):
        fetched(crm, site, site.contracts[0])
    with pytest.raises(RetryableError):
        crm.write_back([site.write(site.contracts[0], "never")])


def test_a_redacted_file_reads_alike(make_site: MakeSite) -> None:
    site = make_site()
    (raw,) = fetched(site.crm(), site, site.amendment)
    text = dump_records(raw, redact=True)
    assert "Customer " not in text, "the emulators' customers are called so"
    snapshot = SnapshotCrm(load_records(text))
    (again,) = snapshot.fetch(snapshot.changed(None).refs, site.paths)
    assert [[line.record.id for line in revision.lines] for revision in again.revisions] == [
        [line.record.id for line in revision.lines] for revision in raw.revisions
    ]
