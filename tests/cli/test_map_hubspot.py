"""`connector map` against a HubSpot account: its properties, what the adapter adds to records, fill rates."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import now_utc
from connector.cli.playground import Playground
from connector.offline import bundled_mapping
from tests.cli.conftest import Shop
from tests.cli.test_map import edit

BUNDLED = bundled_mapping("hubspot")


@pytest.fixture
def portal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Shop]:
    with Playground(now_utc().date(), crms=("hubspot",)) as made:
        monkeypatch.chdir(tmp_path)
        shop = Shop(made, tmp_path, monkeypatch, capsys)
        assert shop.run("db", "upgrade").code == 0
        yield shop


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    return Path(shutil.copy(BUNDLED, tmp_path / "deals.yaml"))


def problems(shop: Shop, *words: str) -> list[tuple[str, str]]:
    ran = shop.run("map", "check", *words, "--json")
    lines = Path(words[0]).read_text(encoding="utf-8").splitlines()
    return [(each["code"], lines[each["line"] - 1].strip()) for each in ran.document["problems"]]


def test_fields_have_labels_types_words_and_fill_rates(portal: Shop):
    ran = portal.run("map", "fields", "deals", "--sample", "500", "--json")
    assert ran.code == 0
    found = {each["name"]: each for each in ran.document["fields"]}
    deals = portal.playground.hubspot.records("deals")
    due = [deal for deal in deals.values() if deal.get("bsync_days_until_due")]
    assert found["bsync_days_until_due"]["type"] == "double"
    assert (found["bsync_days_until_due"]["filled"], found["dealname"]["filled"]) == (len(due), len(deals))
    assert found["bsync_amendment_mode"]["values"] == ["delta", "restate"]
    assert (found["CompanyId"]["relationship"], found["CompanyId"]["leads_to"]) == ("Company", ["companies"])
    assert found["CompanyId"]["records"] is None  # it is no property: no fill rate is made up
    few = portal.run("map", "fields", "deals", "--sample", "3", "--json").document["fields"]
    assert {each["records"] for each in few if each["name"] == "dealname"} == {3}
    text = portal.run("map", "fields", "line_items").out
    assert "→ Product: products" in text


def test_an_object_that_hubspot_does_not_have(portal: Shop):
    ran = portal.run("map", "fields", "deal")
    assert ran.code == 3
    assert ran.err.startswith("the CRM has no object deal (connection hubspot, ")
    assert "Did you mean: deals?" in ran.err


def test_the_bundled_mapping_fits_the_account(portal: Shop, mapping: Path):
    assert problems(portal, str(mapping), "--refresh") == [("MAP-074", "value_map:")]  # said in the file, too
    ran = portal.run("map", "check", str(mapping), "--json")
    assert [each["message"] for each in ran.document["problems"]] == [
        "value_map leaves out values of recurringbillingfrequency: weekly, biweekly, per_four_years, per_five_years"
    ]


def test_typos_and_properties_that_nobody_fills_are_found(portal: Shop, mapping: Path):
    edit(
        mapping,
        ("revision.value", "amout"),
        ("party.description", "Company.descriptoin"),
        ("stripe.customer.metadata.region", "Compny.region"),
        ("stripe.item.metadata.term", "Deal.hs_next_step"),
        ("sync.hold", "{path: dealtype, eq: newbusines}"),
    )
    found = problems(portal, str(mapping), "--refresh")
    assert [each for each in found if each[0] != "MAP-074"] == [
        ("MAP-073", "hold: {path: dealtype, eq: newbusines}"),
        ("MAP-070", "value: amout"),
        ("MAP-070", "description: Company.descriptoin"),
        ("MAP-070", "metadata.region: Compny.region"),
    ]
    assert "(records looked at:" not in portal.run("map", "check", str(mapping)).out
    sampled = problems(portal, str(mapping), "--sample", "200")
    assert ("MAP-102", "metadata.term: Deal.hs_next_step") in sampled
    assert not [each for each in sampled if "CompanyId" in each[1]]


def test_the_answer_is_kept(portal: Shop, mapping: Path, tmp_path: Path):
    assert portal.run("map", "check", str(mapping), "--refresh").code == 0
    kept = json.loads((tmp_path / ".connector" / "fields-hubspot.json").read_text(encoding="utf-8"))
    assert {"deals", "line_items", "companies", "quotes", "line_item_tier"} <= kept["objects"].keys()
    calls = len(portal.playground.hubspot.log)
    assert portal.run("map", "check", str(mapping)).code == 0
    assert len(portal.playground.hubspot.log) == calls
