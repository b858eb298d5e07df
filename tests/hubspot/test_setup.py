"""Setup: the plan, the making, and that what exists is left alone."""

from collections import Counter

from connector.crm.hubspot.adapter import HubSpotCrm
from connector.crm.hubspot.settings import HubSpotSettings
from connector.crm.setup import State
from connector.sandbox.hubspot import ALL_SCOPES, Token
from connector.sandbox.hubspot.convention import COMPANIES, DEALS, LINE_ITEMS, PRODUCTS
from tests.hubspot.world import MAPPING, HubSpotWorld, monthly


def states(world: HubSpotWorld, *, apply: bool = False) -> Counter[State]:
    crm = world.crm()
    return Counter(part.state for part in (crm.setup_apply() if apply else crm.setup_plan()))


def test_an_empty_account_gets_everything_once() -> None:
    with HubSpotWorld(billing_sync=False) as world:
        planned = states(world)
        assert set(planned) == {State.MISSING}
        assert not [call for call in world.calls() if call.startswith("POST")], "a plan changes nothing"
        assert states(world, apply=True) == Counter({State.MADE: planned[State.MISSING]})
        assert states(world) == Counter({State.THERE: planned[State.MISSING]})
        calls = len(world.portal.log)
        states(world, apply=True)
        assert not [call for call in world.calls(calls) if call.startswith("POST")], "made twice is made once"


def test_what_setup_made_is_what_the_connector_uses() -> None:
    with HubSpotWorld(billing_sync=False) as world:
        world.crm().setup_apply()
        deal = world.deal(world.company(), [monthly(10, 20, "2026-12-01", name="Seat")])
        world.deal(None, amends=deal, bsync_action="terminate", bsync_effective_date="2027-06-01")
        (result,) = world.sync(deal)
        assert (result.outcome, result.error) == ("applied", None)
        assert world.portal.records("deals")[deal]["bsync_status"] == "synced"
        probes = world.crm().probe(MAPPING.paths, {name: frozenset(rows) for name, rows in MAPPING.write_back.items()})
        assert [probe for probe in probes if not probe.ok] == []


def test_setup_makes_what_the_convention_lists() -> None:
    with HubSpotWorld(billing_sync=False) as world:
        made = {part.name for part in world.crm().setup_apply() if part.kind == "property"}
        tables = {"deals": DEALS, "line_items": LINE_ITEMS, "companies": COMPANIES, "products": PRODUCTS}
        listed = {
            f"{name}.bsync_{row.split()[0]}" for name, rows in tables.items() for row in rows.strip().splitlines()
        }
        assert made == listed


def test_another_prefix() -> None:
    with HubSpotWorld(billing_sync=False) as world:
        parts = world.crm(prefix="stripe_sync_").setup_apply()
        assert all(".stripe_sync_" in part.name for part in parts if part.kind == "property")


def test_a_property_of_another_type_is_told_and_left_alone() -> None:
    with HubSpotWorld(billing_sync=False) as world:
        client = world.crm().client
        client.create_property(
            "deals",
            {
                "name": "bsync_effective_date",
                "label": "Mine",
                "groupName": "dealinformation",
                "type": "string",
                "fieldType": "text",
            },
        )
        parts = {part.name: part for part in world.crm().setup_apply()}
        found = parts["deals.bsync_effective_date"]
        assert (found.state, found.detail) == (State.DIFFERS, "is of type string, and date is needed")
        assert Counter(part.state for part in parts.values())[State.MADE] == len(parts) - 1
        (row,) = [row for row in client.properties("deals") if row["name"] == "bsync_effective_date"]
        assert (row["type"], row["label"]) == ("string", "Mine")


# --- doctor ------------------------------------------------------------------------------------------------


WRITES = {name: frozenset(rows) for name, rows in MAPPING.write_back.items()}


def failing(world: HubSpotWorld, **settings: str) -> dict[str, str]:
    return {probe.name: probe.detail for probe in world.crm(**settings).probe(MAPPING.paths, WRITES) if not probe.ok}


def test_all_is_well(world: HubSpotWorld) -> None:
    assert failing(world) == {}


def test_what_is_missing_is_named_one_by_one() -> None:
    with HubSpotWorld(billing_sync=False) as world:
        found = failing(world)
        assert "write deals.bsync_status" in found
        assert "read line_items.bsync_line_key" in found
        assert "label" in found


def test_a_refused_token_is_told(world: HubSpotWorld) -> None:
    world.portal.revoke_tokens()
    found = failing(world)
    assert set(found) == {"token"}
    assert "check the access token" in found["token"]


def test_a_missing_scope_is_told(world: HubSpotWorld) -> None:
    lacking = "crm.objects.quotes.read"
    world.portal.add_token(Token("pat-lacking", scopes=frozenset(ALL_SCOPES) - {lacking}))
    poor = HubSpotCrm(HubSpotSettings("pat-lacking", base_url=world.portal.url, searches=1000.0))
    found = {probe.name: probe.detail for probe in poor.probe(MAPPING.paths, {}) if not probe.ok}
    assert set(found) == {"scope quotes"}
    assert lacking in found["scope quotes"]


def test_a_missing_scope_to_write_is_told_and_nothing_is_written(world: HubSpotWorld) -> None:
    lacking = {"crm.objects.companies.write", "crm.objects.contacts.write"}
    world.portal.add_token(Token("pat-reading", scopes=frozenset(ALL_SCOPES) - lacking))
    poor = HubSpotCrm(HubSpotSettings("pat-reading", base_url=world.portal.url, searches=1000.0))
    before = {name: world.portal.records(name) for name in ("deals", "companies", "notes")}
    found = {probe.name: probe.detail for probe in poor.probe(MAPPING.paths, WRITES) if not probe.ok}
    assert set(found) == {"write scope companies", "write scope notes"}
    assert "crm.objects.companies.write" in found["write scope companies"]
    assert "crm.objects.contacts.write" in found["write scope notes"]
    assert {name: world.portal.records(name) for name in before} == before
