"""Which contracts are chosen, in both CRMs: parsed, looked up, page by page, and resumable after any page."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.backfill import Worker, dry_run
from connector.backfill.inputs import day, days, file_records, named_records
from connector.backfill.start import open_backfill
from connector.crm.hubspot import client as hubspot_client
from connector.crm.salesforce import select as salesforce_select
from connector.crm.selection import Days, SelectingCrm, Selection, read_selection, selection_json
from connector.domain.errors import ConfigError
from tests.backfill.conftest import Filling
from tests.hubspot.world import HubSpotWorld, yearly
from tests.wiring import TODAY, World


def listed(crm: SelectingCrm, selection: Selection) -> Iterator[str]:
    checked, after = crm.checked(selection), ""
    while page := crm.page(checked, after, ZoneInfo("UTC")):
        yield from page
        after = page[-1]


# --- Salesforce ------------------------------------------------------------------------------------------


@pytest.fixture
def org(world: World) -> World:
    """A company where two people own orders, and one order is a draft."""
    for name, number in (("Ann Lee", 1), ("Bob Ray", 2), ("Bob Ray", 3)):
        first, last = name.split()
        mail = f"{first.lower()}{number}@example.com"
        user = {"FirstName": first, "LastName": last, "Email": mail, "Username": mail, "IsActive": True}
        world.salesforce.insert("User", user)
    users = {row["Email"]: key for key, row in world.salesforce.records("User").items()}
    for number, order in enumerate(world.salesforce.records("Order")):
        world.salesforce.update("Order", order, {"OwnerId": users[f"{('ann1', 'bob2')[number % 2]}@example.com"]})
    return world


def orders(world: World, **wanted: str) -> set[str]:
    rows = world.salesforce.records("Order").items()
    return {key for key, row in rows if all(row[name] == value for name, value in wanted.items())}


def crm_of(world: World) -> SelectingCrm:
    crm = world.desk().crm
    assert isinstance(crm, SelectingCrm)
    return crm


def test_without_a_condition_everything_is_listed(org: World):
    assert set(listed(crm_of(org), Selection())) == orders(org)


@pytest.mark.parametrize("name", ["ann1@example.com", "Ann Lee", "  ann LEE "])
def test_by_owner(org: World, name: str):
    (ann,) = [key for key, row in org.salesforce.records("User").items() if row["Email"] == "ann1@example.com"]
    found = set(listed(crm_of(org), Selection(owners=(name,))))
    assert found == orders(org, OwnerId=ann) == set(listed(crm_of(org), Selection(owners=(ann,))))
    assert 0 < len(found) < len(orders(org))


def test_by_status_and_by_several_conditions(org: World):
    draft = set(listed(crm_of(org), Selection(stages=("draft",))))
    assert draft == orders(org, Status="Draft")
    both = Selection(stages=("Activated",), owners=("Ann Lee",))
    activated = set(listed(crm_of(org), Selection(stages=("Activated",))))
    assert set(listed(crm_of(org), both)) == activated & set(listed(crm_of(org), Selection(owners=("Ann Lee",))))


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(owners=("Ann Leee",)), "no owner 'Ann Leee'. Did you mean 'Ann Lee'"),
        (Selection(owners=("Zed",)), r"no owner 'Zed'. It has: .*Ann Lee"),
        (Selection(owners=("Bob Ray",)), "2 owners are called 'Bob Ray': name one by its id"),
        (Selection(stages=("Actvated",)), "no stage 'Actvated'. Did you mean 'Activated'"),
        (Selection(stages=("x' OR Id != '",)), "no stage"),
    ],
)
def test_who_or_what_is_unknown_is_said_with_what_is_there(org: World, selection: Selection, words: str):
    with pytest.raises(ConfigError, match=words):
        crm_of(org).checked(selection)


def test_by_the_day_of_closing_in_the_accounts_zone(org: World):
    activated = {key: row.get("ActivatedDate") for key, row in org.salesforce.records("Order").items()}
    days_by_order = {
        key: datetime.fromisoformat(stamp).astimezone(ZoneInfo("Asia/Tokyo")).date()
        for key, stamp in activated.items()
        if stamp
    }
    first, last = sorted(set(days_by_order.values()))[1], sorted(set(days_by_order.values()))[-2]
    crm, selection = crm_of(org), Selection(closed=Days(first, last))
    found = crm.page(crm.checked(selection), "", ZoneInfo("Asia/Tokyo"))
    assert set(found) == {key for key, found_day in days_by_order.items() if first <= found_day <= last}
    assert 0 < len(found) < len(days_by_order)


def test_by_first_day_it_is_narrowed_in_the_query_and_decided_on_the_contract(org: World):
    filling = Filling(org.desk())
    everything = filling.page(filling.planned()).selected
    selection = Selection(starts=Days(TODAY + timedelta(days=1), None))
    planned = filling.planned(selection)
    items = filling.items(planned)
    assert read_selection(planned.selection).start_path == "SBQQ__Quote__r.SBQQ__StartDate__c"
    assert 0 < len(items) < everything
    begins = {key: org.salesforce.records("Order")[key]["EffectiveDate"] for key in items}
    kept = {key for key, item in items.items() if item.state != "left_out"}
    unreadable = {key for key, item in items.items() if item.verdict == "refuse"}
    assert all(begins[key] > TODAY.isoformat() for key in kept - unreadable)


def test_a_contract_that_begins_outside_is_left_out_although_an_amendment_matches(org: World):
    ramp = org.orders["ramp"]
    org.salesforce.contract(ramp)
    line = next(k for k, row in org.salesforce.records("OrderItem").items() if row["OrderId"] == ramp)
    amendment = org.salesforce.amend(ramp, date(2027, 6, 1), {line: 3})
    org.salesforce.update("Order", amendment, {"Status": "Activated"})
    filling = Filling(org.desk())
    late = filling.planned(Selection(starts=Days(date(2027, 6, 1), date(2027, 6, 30))))
    assert {key: item.change for key, item in filling.items(late).items() if key == amendment} == {amendment: "dates"}
    both = filling.planned(None, (amendment, None), (ramp, None))
    found = filling.items(both)
    assert {item.state for item in found.values()} == {"planned", "left_out"}
    assert filling.page(both).left_out == {"same": 1}
    assert filling.page(both).selected == 1


def test_pages_follow_ids_and_go_on_where_a_stopped_process_was(org: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(salesforce_select, "PAGE", 6)
    filling = Filling(org.desk())
    opened = open_backfill(filling.desk, Selection(), by="dana", config_hash="")
    with Worker(filling.journal, opened, filling.desk.clock) as worker:
        stopped = dry_run(filling.desk, opened, worker, lambda _what, _count: worker.stop.set())
    assert (stopped.phase, len(filling.items(stopped))) == ("selecting", 6)
    before = len(org.salesforce.log)
    with Worker(filling.journal, stopped, filling.desk.clock) as worker:
        done = dry_run(filling.desk, stopped, worker)
    assert done.phase == "planned"
    assert set(filling.items(done)) == orders(org)
    queries = [record for record in org.salesforce.log[before:] if record.path.endswith("/query/")]
    assert len(queries) == 4, "pages 2, 3 and 4 of 20 orders, and an empty one; the first was not asked for again"


# --- HubSpot ---------------------------------------------------------------------------------------------


@pytest.fixture
def deals(portal_world: HubSpotWorld) -> dict[str, str]:
    """Deals by what is special about them."""
    company = portal_world.company()
    line = [yearly(1, 1200.0, "2026-12-01")]
    made = {
        "one": portal_world.deal(company, line, hubspot_owner_id="70311842"),
        "two": portal_world.deal(company, line, hubspot_owner_id="70311843"),
        "gone": portal_world.deal(company, line, hubspot_owner_id="70311844"),
        "open": portal_world.deal(company, line, dealstage="contractsent"),
        "signed": portal_world.deal(company, line, dealstage="214883074", pipeline="214883071"),
        "night": portal_world.deal(company, line, closedate="2026-11-11T03:00:00Z"),
        "later": portal_world.deal(company, [yearly(1, 1200.0, "2027-02-01")]),
    }
    portal_world.portal.archive("deals", portal_world.deal(company, line))
    return made


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(), {"one", "two", "gone", "open", "signed", "night", "later"}),
        (Selection(owners=("Sales One",)), {"one"}),
        (Selection(owners=("sales.two@example.com", "70311842")), {"one", "two"}),
        (Selection(owners=("Former Rep",)), {"gone"}),
        (Selection(stages=("Closed won", "Signed")), {"one", "two", "gone", "signed", "night", "later"}),
        (Selection(stages=("Expansion: Signed",)), {"signed"}),
        (Selection(stages=("contractsent",)), {"open"}),
        (Selection(closed=Days(date(2026, 11, 10), date(2026, 11, 10))), {"night"}),  # the portal is in New York
        (Selection(closed=Days(None, date(2026, 11, 9))), set()),
        (Selection(closed=Days(date(2026, 11, 11), None), owners=("Sales Two",)), {"two"}),
    ],
)
def test_deals(portal_world: HubSpotWorld, deals: dict[str, str], selection: Selection, wanted: set[str]):
    found = list(listed(portal_world.crm(), selection))
    assert sorted(found) == sorted(deals[name] for name in wanted)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(owners=("Sales Oen",)), "no owner 'Sales Oen'. Did you mean 'Sales One'"),
        (Selection(stages=("Closed wonn",)), "no stage 'Closed wonn'. Did you mean 'Closed won'"),
    ],
)
def test_unknown_owners_and_stages_of_hubspot(portal_world: HubSpotWorld, selection: Selection, words: str):
    with pytest.raises(ConfigError, match=words):
        portal_world.crm().checked(selection)


def test_deals_come_by_id_beyond_any_limit_of_results(
    portal_world: HubSpotWorld, deals: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hubspot_client.HubSpotClient.search, "__kwdefaults__", {"after": "0", "limit": 2})
    found = list(listed(portal_world.crm(), Selection()))
    assert sorted(found) == sorted(deals.values())
    assert sum(call.endswith("/search") for call in portal_world.calls()) == 5


@pytest.mark.usefixtures("deals")
def test_the_first_day_of_a_deal_is_decided_on_its_contract(portal_world: HubSpotWorld):
    filling = Filling(portal_world.desk())
    page = filling.page(filling.planned(Selection(starts=Days(date(2027, 1, 1), None))))
    assert page.selected == 1
    assert page.left_out == {"dates": 6}


# --- what people type ------------------------------------------------------------------------------------


def test_a_selection_survives_the_journal():
    selection = Selection(Days(TODAY, None), Days(None, TODAY), ("a",), ("b", "c"), 2, "X.Y", "typed")
    assert read_selection(selection_json(selection)) == selection


def upper(text: str) -> str:
    if not text.isalnum():
        raise ConfigError(f"{text!r} is no id")
    return text.upper()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a1\n\n# a note\n  b2 \n", [("A1", None), ("B2", None)]),
        ("record,billed_through\na1,2026-12-01\nb2,\n", [("A1", date(2026, 12, 1)), ("B2", None)]),
        ("billed_through,Record\r\n2026-12-01,a1\r\n", [("A1", date(2026, 12, 1))]),
        ("\ufeffrecord\na1\n", [("A1", None)]),
    ],
)
def test_files_of_records(tmp_path, text: str, wanted: list[tuple[str, date | None]]):
    path = tmp_path / "ids.csv"
    path.write_bytes(text.encode())
    assert list(file_records(path, upper)) == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no record"),
        ("a1\nb 2\n", r"line 2: 'b 2' is no id"),
        ("record,billed_through\na1,1.12.2026\n", r"line 2: '1.12.2026' is no day; write it as 2026-12-01"),
        ("record,amount\na1,3\n", "line 1: unknown column 'amount'; there are record, billed_through"),
        ("a1,2026-12-01\n", "line 1: there is more than an id; begin the file with the line record,billed_through"),
        ("a1\n\xff", "cannot read"),
    ],
)
def test_wrong_files_are_refused_with_the_line(tmp_path, text: str, words: str):
    path = tmp_path / "ids.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=words):
        list(file_records(path, upper))


def test_a_wrong_line_leaves_no_half_of_a_back_fill(world: World, tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text(f"{world.orders['ramp']}\nwrong id\n", encoding="utf-8")
    desk = world.desk()
    with pytest.raises(ConfigError, match="line 2"):
        open_backfill(desk, Selection(), by="d", config_hash="", records=file_records(path, desk.crm.checked_id))  # type: ignore[attr-defined]
    assert desk.account.journal.backfills("salesforce") == ()


def test_days_as_typed():
    assert days("2026-01-01", None, "closed") == Days(date(2026, 1, 1), None)
    assert list(named_records(["a1"], upper)) == [("A1", None)]
    with pytest.raises(ConfigError, match=r"--closed-from 2026-02-01 is after --closed-to 2026-01-01"):
        days("2026-02-01", "2026-01-01", "closed")
    with pytest.raises(ConfigError, match=r"--billed-through: 'soon' is no day"):
        day("soon", "--billed-through")
