"""The owner of a deal, for a mapping that reads it; others cost no call."""

from connector.billing.targets import sdk_targets
from connector.crm.hubspot.adapter import HubSpotCrm
from connector.crm.hubspot.settings import HubSpotSettings
from connector.mapping.grammar import load_mapping
from connector.mapping.mapping_file import MappingFile
from connector.offline import bundled_mapping
from connector.sandbox.hubspot import ALL_SCOPES, Token
from tests.hubspot.world import MAPPING, HubSpotWorld, monthly


def with_owner() -> MappingFile:
    text = bundled_mapping("hubspot").read_text(encoding="utf-8")
    text = text.replace(
        "stripe:\n  subscription_schedule:\n", "stripe:\n  subscription_schedule:\n    metadata.rep: Owner.email\n"
    )
    loaded = load_mapping(text, name="owner.yaml", targets=sdk_targets())
    assert loaded.mapping is not None, loaded.problems
    return loaded.mapping


def owned(world: HubSpotWorld) -> tuple[str, str]:
    owner = world.portal.app.portal.owners[0]
    deal = world.deal(world.company(), [monthly(1, 20, "2026-12-01", name="Seat")], hubspot_owner_id=owner.id)
    return deal, owner.email


def test_an_owner_is_read_where_the_mapping_asks_for_it(world: HubSpotWorld) -> None:
    deal, email = owned(world)
    other = world.deal(world.company("Other"), [monthly(1, 20, "2026-12-01", name="Seat")])
    crm, mapping = world.crm(batch=1), with_owner()
    found = {raw.key: raw for raw in crm.fetch([world.ref(deal), world.ref(other)], mapping.paths)}
    owner = found[deal].records.follow(found[deal].root, "Owner")
    assert owner is not None
    assert owner.fields["email"] == email
    assert found[other].records.follow(found[other].root, "Owner") is None
    assert [call for call in world.calls() if "owners" in call] == ["GET /owners"], "once for all batches"


def test_a_mapping_that_reads_none_asks_for_none(world: HubSpotWorld) -> None:
    deal, _ = owned(world)
    assert len(list(world.crm().fetch([world.ref(deal)], MAPPING.paths))) == 1
    assert not [call for call in world.calls() if "owners" in call]


def test_doctor_names_the_scope_where_it_is_needed(world: HubSpotWorld) -> None:
    lacking = "crm.objects.owners.read"
    world.portal.add_token(Token("pat-lacking", scopes=frozenset(ALL_SCOPES) - {lacking}))
    poor = HubSpotCrm(HubSpotSettings("pat-lacking", base_url=world.portal.url, searches=1000.0))
    found = {probe.name: probe.detail for probe in poor.probe(with_owner().paths, {}) if not probe.ok}
    assert set(found) == {"scope owners"}
    assert lacking in found["scope owners"]
    assert [probe for probe in poor.probe(MAPPING.paths, {}) if not probe.ok] == []
