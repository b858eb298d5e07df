"""`connector map`: what an admin types between an idea and a merged mapping file, over the emulators and over files."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.crm.archive import ArchiveHead, read_head, read_lines, write_archive
from connector.journal import open_journal
from connector.mapping.writing import content_hash, set_value
from connector.offline import bundled_mapping, read_mapping
from tests.cli.conftest import DATA, Ran, Shop

BUNDLED = bundled_mapping("salesforce")
QUARTERS = DATA / "quarters.json"
ORDER = "8018Z0000000002QAA"


@pytest.fixture
def offline(new_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`connector map` where every attempt to open a connection fails the test."""

    def refuse(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return lambda *words: new_shop.bare("map", *map(str, words))


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """A mapping file of the admin's own, beside the configuration."""
    return Path(shutil.copy(BUNDLED, tmp_path / "deals.yaml"))


def edit(path: Path, *values: tuple[str, str]) -> Path:
    text = path.read_text(encoding="utf-8")
    for name, rule in values:
        text = set_value(text, name, rule)
    path.write_text(text, encoding="utf-8")
    return path


# --- map check -----------------------------------------------------------------------------------


def test_a_right_file_passes(offline: Callable[..., Ran], mapping: Path):
    ran = offline("check", mapping)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.endswith("deals.yaml: no errors, no warnings\n")


def test_all_faults_are_shown_with_their_places(offline: Callable[..., Ran], mapping: Path):
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace("as: day_after", "as: day_aftr").replace("  stub: last", "  stbu: last"), "utf-8")
    ran = offline("check", mapping)
    assert ran.code == 3
    assert ran.out.count("MAP-022") == 2
    assert "MAP-040" in ran.out
    assert "   Did you mean: day_after?" in ran.out
    assert ran.err.endswith("3 errors, no warnings\n")
    document = offline("check", mapping, "--json").document
    assert [(each["code"], each["severity"]) for each in document["problems"]] == [
        ("MAP-022", "error"), ("MAP-022", "error"), ("MAP-040", "error"),
    ]  # fmt: skip
    first = document["problems"][0]
    assert first["hint"] == "Did you mean: day_after?"
    assert first["excerpt"].splitlines()[-1].strip(" |") == "^^^^^^^^"
    assert text.splitlines()[first["line"] - 1][first["column"] - 1 :].startswith("day_after")
    assert (document["errors"], document["hash"]) == (3, None)


def test_records_show_what_is_never_filled(offline: Callable[..., Ran], mapping: Path):
    edit(mapping, ("stripe.customer.metadata.fax", "Account.Fax"))
    ran = offline("check", mapping, "--records", QUARTERS)
    assert ran.code == 0
    assert "stripe.customer.metadata.fax is empty in all of 1 record" in ran.out
    assert offline("check", mapping, "--records", QUARTERS, "--strict").code == 3
    assert offline("check", mapping, "--records", DATA / "nothing.json").err.startswith("cannot read the records file")


def test_the_org_is_asked_once_and_remembered(shop: Shop, mapping: Path, monkeypatch: pytest.MonkeyPatch):
    shop.configure((f'mapping = "{BUNDLED}"', 'mapping = "deals.yaml"'))
    edit(mapping, ("party.phone", "Account.Phon"))
    ran = shop.run("map", "check", "--refresh")
    assert ran.code == 0
    assert 'warning: unknown field "Phon" on Account' in ran.out
    assert "Did you mean: Phone (phone)?" in ran.out
    assert "Described: connection salesforce, " in ran.out
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was opened"))
    assert 'unknown field "Phon" on Account' in shop.run("map", "check").out


def test_a_value_that_every_contract_needs_must_be_in_the_org(shop: Shop, mapping: Path):
    shop.configure((f'mapping = "{BUNDLED}"', 'mapping = "deals.yaml"'))
    edit(mapping, ("line.quantity", "Qantity"))
    ran = shop.run("map", "check", "--refresh", "--json")
    assert ran.code == 3
    (error,) = [each for each in ran.document["problems"] if each["severity"] == "error"]
    assert (error["code"], error["message"]) == ("MAP-070", 'unknown field "Qantity" on OrderItem')


# --- map fields ----------------------------------------------------------------------------------


def test_fields_of_an_object_are_listed_with_fill_rates(shop: Shop):
    ran = shop.run("map", "fields", "Order", "--sample", "50", "--json")
    assert ran.code == 0
    found = {each["name"]: each for each in ran.document["fields"]}
    assert found["AccountId"]["leads_to"] == ["Account"]
    assert found["AccountId"]["filled"] == found["AccountId"]["records"] > 3
    assert found["Status"]["type"] == "picklist"
    assert found["Stripe_Schedule_Id__c"]["filled"] == 0
    ran = shop.run("map", "fields", "Order")
    assert "AccountId" in ran.out
    assert "→ Account: Account" in ran.out


def test_an_unknown_object_is_said(shop: Shop):
    ran = shop.run("map", "fields", "Ordr")
    assert ran.code == 3
    assert "the CRM has no object Ordr" in ran.err
    assert "Did you mean: Order" in ran.err


def test_fields_of_records(offline: Callable[..., Ran]):
    document = offline("fields", "OrderItem", "--records", QUARTERS, "--json").document
    quantity = next(each for each in document["fields"] if each["name"] == "Quantity")
    assert quantity["filled"] == quantity["records"] == 4


# --- map try -------------------------------------------------------------------------------------


def test_every_value_is_shown_with_rule_path_and_raw_value(offline: Callable[..., Ran], mapping: Path):
    ran = offline("try", QUARTERS, "--mapping", mapping)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.split()[:1] == ["interval"])
    assert lines[at].split() == ["interval", "3"]
    number = 1 + mapping.read_text(encoding="utf-8").splitlines().index("  interval: SBQQ__BillingFrequency__c")
    assert lines[at + 1].strip() == f'SBQQ__BillingFrequency__c = "Quarterly", {mapping}:{number}'
    assert "gave nothing" in offline("try", QUARTERS, "--mapping", mapping, "--empty").out
    document = offline("try", QUARTERS, "--mapping", mapping, "--json").document
    name = next(each for each in document["values"] if each["path"] == "Account.Name")
    assert (name["slot"], name["value"], name["field"]) == ("name", "Name 1", "Name")


def test_a_record_of_the_org_is_tried_without_writing(shop: Shop, mapping: Path):
    edit(mapping, ("stripe.customer.metadata.city", "Account.BillingCity"))
    before = dict(shop.salesforce.records("Order")[shop.orders["ramp"]])
    ran = shop.run("map", "try", shop.orders["ramp"], "--mapping", str(mapping))
    assert ran.code == 0
    assert "stripe.customer.metadata.city" in ran.out
    assert shop.salesforce.records("Order")[shop.orders["ramp"]] == before
    assert not shop.stripe.log or all(record.method == "GET" for record in shop.stripe.log)


# --- map test ------------------------------------------------------------------------------------

CASES = """\
mapping: deals.yaml
cases:
  - name: quarters of a year
    records: {records}
    today: 2026-11-24
    expect:
      values:
        contract: {{currency: eur, start: 2026-12-01}}
        party: {{name: Name 1, email: {email}}}
      bills: {{2026-12-01: 1275.00, 2027-03-01: 3060.00, 2027-06-01: {june}, 2027-09-01: 4080.00}}
      plan:
        verdict: apply
        tie_out: {{eur: {{difference: 0}}}}
"""


def test_cases_of_an_admin(offline: Callable[..., Ran], mapping: Path):
    document: Any = offline("try", QUARTERS, "--mapping", mapping, "--json").document
    email = next(each["value"] for each in document["values"] if each["slot"] == "email")
    folder = mapping.parent / "mappings" / "tests"
    folder.mkdir(parents=True)
    shutil.copy(mapping, folder / "deals.yaml")
    cases = folder / "cases.yml"
    (folder / "deals.yaml").rename(mapping.parent / "mappings" / "deals.yaml")
    text = CASES.replace("mapping: deals.yaml", "mapping: ../deals.yaml")
    cases.write_text(text.format(records=QUARTERS, email=email, june="2295.00"), encoding="utf-8")
    ran = offline("test")
    assert (ran.code, ran.out) == (0, "ok mappings/tests/cases.yml:3  quarters of a year\n")
    assert ran.err == "cases: 1, failed: 0\n"
    cases.write_text(text.format(records=QUARTERS, email="x@example.com", june="2295.01"), encoding="utf-8")
    ran = offline("test", "--json")
    assert ran.code == 3
    (result,) = ran.document["results"]
    assert [(each["line"], each["what"], each["expected"]) for each in result["mismatches"]] == [
        (9, "party: email", "x@example.com"),
        (10, "bill of 2027-06-01", "2295.01"),
    ]
    assert "found     2295" in offline("test", cases).out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: 3\nmapping: deals.yaml\n", ':1:8  MAP-080  "cases" is a list with at least one case'),
        ("cases: [{}]\n", "name the mapping"),
        ("mapping: deals.yaml\ncases:\n  - nme: x\n", ':3:5  MAP-080  unknown key "nme"'),
        ("mapping: deals.yaml\ncases:\n  - name: x\n    expect: {}\n", '"records" names a records file'),
        ("mapping: deals.yaml\ncases: [{records: {Order: {a: {}}}, root: b, expect: {}}]\n", "no record b under"),
        ("mapping: deals.yaml\ncases:\n  - records: gone.json\n    expect: {}\n", "cannot read"),
        ("- a\n", "MAP-005"),
    ],
)  # fmt: skip
def test_wrong_cases_are_explained(offline: Callable[..., Ran], mapping: Path, tmp_path: Path, text: str, said: str):
    path = tmp_path / "cases.yaml"
    assert mapping.parent == path.parent
    path.write_text(text, encoding="utf-8")
    ran = offline("test", path)
    assert ran.code == 3
    assert said in ran.err


def test_no_cases_are_said(offline: Callable[..., Ran]):
    ran = offline("test")
    assert ran.code == 3
    assert ran.err.startswith("there are no cases at mappings/tests")


# --- map snapshot, impact and diff ----------------------------------------------------------------


def test_the_impact_of_a_change_on_the_whole_company(shop: Shop, mapping: Path, monkeypatch: pytest.MonkeyPatch):
    shop.run("sync")
    ran = shop.run("map", "snapshot")
    assert ran.code == 0
    archive = Path(".connector/snapshot-salesforce.jsonl.gz")
    count = sum(1 for _ in read_lines(archive))
    assert f"{count} contracts in {archive}" in ran.err
    head = read_head(archive)
    assert shop.orders["ramp"] in head.made
    assert "Status" in head.paths["Order"]
    used = shop.run("map", "check", "--records", str(archive), "--json")
    assert {each["code"] for each in used.document["problems"]} <= {"MAP-102", "MAP-106"}
    assert used.code == 0
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was opened"))
    edit(mapping, ("stripe.subscription_schedule.metadata.po", "PoNumber"), ("sync.from", "2100-01-01"))
    ran = shop.run("map", "impact", str(mapping), "--json")
    assert ran.code == 2
    document = ran.document
    assert document["contracts"] == count
    assert document["states"]["blocked"] == document["changed"] > 0
    assert {code for each in document["biggest"] for code in each["codes"]} == {"NOT_ACTIVE"}
    assert all(int(money["after"]) == 0 < int(money["before"]) for money in document["money"].values())


def test_nothing_changes_when_the_meaning_is_the_same(shop: Shop, mapping: Path):
    mapping.write_text(f"# a remark\n{mapping.read_text(encoding='utf-8')}", encoding="utf-8")
    shop.run("map", "snapshot", "all.jsonl")
    ran = shop.run("map", "impact", str(mapping), "--snapshot", "all.jsonl")
    assert ran.code == 0
    assert "0 change" in ran.out


def impact(offline: Callable[..., Ran], mapping: Path, *values: tuple[str, str]) -> Any:
    """The impact of some values on the order of four quarters, as JSON."""
    archive = mapping.parent / "one.jsonl"
    head = {"format": "crm-archive/1", "crm": "salesforce", "source": "test", "taken_at": "2026-11-24T00:00:00+00:00"}
    record = json.dumps(json.loads(QUARTERS.read_text(encoding="utf-8")))
    archive.write_text(f"{json.dumps(head)}\n{record}\n", encoding="utf-8")
    options = ("--old", BUNDLED, "--snapshot", archive, "--today", "2026-11-24", "--json")
    return offline("impact", edit(mapping, *values), *options).document


def test_money_that_moves_is_counted(offline: Callable[..., Ran], mapping: Path):
    found = impact(offline, mapping, ("line.interval", "{const: 1}"))
    (effect,) = found["biggest"]
    assert (effect["ref"], effect["state"]) == (ORDER, "changed")
    assert effect["before"] == effect["after"] == "1071000"
    assert found["money"]["eur"] == {"before": "1071000", "after": "1071000", "change": "0", "moved": effect["moved"]}
    assert int(effect["moved"]) == 714000  # of each quarter's bill two thirds wait for its second and third month


def test_a_change_without_money_names_the_parameters(offline: Callable[..., Ran], mapping: Path):
    found = impact(offline, mapping, ("stripe.customer.metadata.city", "Account.BillingCity"))
    assert found["states"] == {"changed": 1, "live": 0, "waits": 0}
    assert found["biggest"][0]["paths"] == ["customer metadata.city"]
    assert found["biggest"][0]["moved"] == "0"


def test_a_broken_line_is_named_and_the_others_are_compared(offline: Callable[..., Ran], mapping: Path, tmp_path: Path):
    impact(offline, mapping)
    archive = tmp_path / "one.jsonl"
    archive.write_text(archive.read_text(encoding="utf-8") + "{broken\n", encoding="utf-8")
    edit(mapping, ("stripe.customer.metadata.city", "Account.BillingCity"))
    ran = offline("impact", mapping, "--old", BUNDLED, "--snapshot", archive, "--today", "2026-11-24")
    assert ran.code == 2
    assert "2 contracts" in ran.out
    assert "not compared: line 3: line 1, column 2: not valid JSON" in ran.err


def test_columns_that_were_not_read_are_named(offline: Callable[..., Ran], mapping: Path, tmp_path: Path):
    from datetime import UTC, datetime  # noqa: PLC0415

    archive = tmp_path / "none.jsonl.gz"
    head = ArchiveHead("salesforce", "x", datetime(2026, 1, 1, tzinfo=UTC), paths={"Order": frozenset(["Status"])})
    assert write_archive(archive, head, []) == 0
    ran = offline("impact", mapping, "--old", BUNDLED, "--snapshot", archive)
    assert ran.code == 0
    assert "The snapshot did not read" in ran.err


@pytest.mark.parametrize("content", ["", "{}\n", "[1]\n", '{"format": "crm-records/1"}\n', "\x00\n"])
def test_another_file_is_no_snapshot(offline: Callable[..., Ran], mapping: Path, tmp_path: Path, content: str):
    path = tmp_path / "x.jsonl"
    path.write_text(content, encoding="utf-8")
    ran = offline("impact", mapping, "--old", BUNDLED, "--snapshot", path)
    assert ran.code == 3
    assert "this is not a snapshot of contracts" in ran.err
    assert "connector map snapshot" in offline("impact", mapping, "--old", BUNDLED).err


def test_two_files_are_compared_by_meaning(offline: Callable[..., Ran], mapping: Path):
    edit(mapping, ("line.interval", "Cadence__c"))
    ran = offline("diff", BUNDLED, mapping)
    assert ran.code == 2
    assert "~ line.interval" in ran.out
    assert "    - SBQQ__BillingFrequency__c\n    + Cadence__c\n" in ran.out
    assert offline("diff", BUNDLED, BUNDLED).err == "the files mean the same\n"
    assert offline("diff", BUNDLED, mapping, "--json").document["changes"][0]["kind"] == "changed"


# --- map new, set and schema ----------------------------------------------------------------------


def test_a_new_file_is_made_from_the_org(shop: Shop):
    ran = shop.run("map", "new", "mappings/acme.yaml")
    assert ran.code == 0, ran.out
    text = Path("mappings/acme.yaml").read_text(encoding="utf-8")
    assert "connection salesforce, " in text
    assert shop.run("map", "check", "mappings/acme.yaml").code == 0
    assert shop.run("plan", shop.orders["ramp"]).code == 0
    shop.configure((f'mapping = "{BUNDLED}"', 'mapping = "mappings/acme.yaml"'))
    assert "adds up" in shop.run("plan", shop.orders["ramp"]).out
    ran = shop.run("map", "new", "mappings/acme.yaml")
    assert (ran.code, ran.err) == (3, "mappings/acme.yaml is there already; choose another name\n")


def test_a_value_is_set_and_everything_else_stays(offline: Callable[..., Ran], mapping: Path):
    before = mapping.read_text(encoding="utf-8")
    ran = offline("set", mapping, "line.interval", "{from: Cadence__c, value_map: {Every month: 1}}")
    assert ran.code == 0
    after = mapping.read_text(encoding="utf-8")
    assert ran.out == f"{mapping}  {content_hash(after)}\n"
    assert after == before.replace(
        "  interval: SBQQ__BillingFrequency__c", "  interval: {from: Cadence__c, value_map: {Every month: 1}}"
    )


def test_a_wrong_value_is_not_saved(offline: Callable[..., Ran], mapping: Path):
    before = mapping.read_text(encoding="utf-8")
    ran = offline("set", mapping, "line.interval", "{const: 5}")
    assert ran.code == 3
    assert "MAP-025" in ran.out
    assert ran.err == "nothing was saved\n"
    assert offline("set", mapping, "line", "x").code == 3
    assert mapping.read_text(encoding="utf-8") == before


def test_somebody_elses_change_is_not_overwritten(offline: Callable[..., Ran], mapping: Path):
    seen = content_hash(mapping.read_text(encoding="utf-8"))
    assert offline("set", mapping, "line.interval", "A__c", "--expect", seen).code == 0
    ran = offline("set", mapping, "line.interval", "B__c", "--expect", seen)
    assert ran.code == 3
    assert "was changed by somebody else" in ran.err
    assert "interval: A__c" in mapping.read_text(encoding="utf-8")


def test_the_schema_is_printed(offline: Callable[..., Ran]):
    published = (BUNDLED.parent.parent / "schemas" / "mapping.schema.json").read_text(encoding="utf-8")
    assert offline("schema").out == published


# --- what a mapping does in Stripe ----------------------------------------------------------------


@pytest.mark.parametrize("order", ["ramp", "backdated"])
@pytest.mark.parametrize(
    "target",
    [
        "customer.metadata.city",
        "customer.business_name",
        "product.unit_label",
        "subscription_schedule.metadata.city",
        "subscription_schedule.default_settings.description",
        "subscription_schedule.default_settings.invoice_settings.footer",
    ],
)
def test_a_cleared_field_is_cleared_in_stripe_once(shop: Shop, mapping: Path, target: str, order: str):
    """Also on a schedule that runs: one order is yet to begin, the other began two months ago."""
    shop.configure((f'mapping = "{BUNDLED}"', 'mapping = "deals.yaml"'))
    kind, *steps = target.split(".")
    path = "Order.Account.BillingCity" if kind == "product" else "Account.BillingCity"
    edit(mapping, (f"stripe.{target}", f"{{from: {path}, empty: clear}}"))
    ref = shop.orders[order]
    account = shop.salesforce.records("Order")[ref]["AccountId"]

    def held() -> Any:
        value: Any = next(iter(shop.stripe.state["sk_test_sandbox"].objects[kind].values()))
        for step in steps:
            value = value.get(step)
        return value or None

    def filled(city: str | None) -> None:
        shop.salesforce.update("Account", account, {"BillingCity": city})
        assert shop.run("sync", ref).code == 0
        assert held() == city

    filled(None)
    filled("Duluth")
    filled(None)
    posts = sum(record.method == "POST" for record in shop.stripe.log)
    assert shop.run("sync", ref).code == 0
    assert "unchanged" in shop.run("plan", ref, "--refresh").out  # also when the schedule is read anew
    assert sum(record.method == "POST" for record in shop.stripe.log) == posts


def test_nothing_is_synced_with_a_mapping_that_has_errors(shop: Shop, mapping: Path):
    shop.configure((f'mapping = "{BUNDLED}"', 'mapping = "deals.yaml"'))
    mapping.write_text(
        mapping.read_text(encoding="utf-8").replace("  total: TotalPrice", "  totl: TotalPrice"), "utf-8"
    )
    ran = shop.run("sync")
    assert ran.code == 3
    assert "MAP-011" in ran.err
    assert not shop.stripe.log


def test_the_fingerprint_of_the_mapping_is_in_every_run_and_plan(shop: Shop):
    shop.run("sync", shop.orders["ramp"])
    rules = read_mapping(BUNDLED)
    with open_journal(f"sqlite:///{shop.config.parent / 'sandbox.db'}") as journal:
        (state,) = [each for each in journal.contract_states("salesforce") if each.record == shop.orders["ramp"]]
        plan = journal.latest_plan("salesforce", state.contract_key)
        assert plan is not None
        assert plan.plan["mapping"] == {"file": str(BUNDLED), "hash": rules.hash}
        assert {run.mapping_hash for run in journal.latest_runs("salesforce")} == {rules.hash}


def test_a_change_of_the_mapping_goes_through_the_limits(shop: Shop, mapping: Path):
    shop.configure((f'mapping = "{BUNDLED}"', 'mapping = "deals.yaml"'))
    assert shop.run("sync").code in {0, 4}
    edit(mapping, ("stripe.subscription_schedule.metadata.note", "{const: changed}"))
    ran = shop.run("sync", *shop.orders.values(), "--json")
    pending = [each for each in ran.document["contracts"] if each["outcome"] == "pending"]
    assert pending
    assert not [each for each in ran.document["contracts"] if each["outcome"] == "applied"]
