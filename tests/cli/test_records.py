"""`plan --records`: a contract from a file, without any network, and what is said about files that are wrong."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import DATA, Ran, Shop

QUARTERS, BILLED, STRIPE = (DATA / f"quarters{rest}.json" for rest in ("", "-billed", "-stripe"))
NOW = ("--now", "2026-11-24T09:00:00Z")


@pytest.fixture
def plan(new_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`connector plan --records` where every attempt to open a connection fails the test."""

    def refuse(*_: object) -> None:
        pytest.fail("the offline door opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return lambda records, *options: new_shop.bare("plan", "--records", str(records), *NOW, *map(str, options))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    def write(content: object) -> Path:
        path = tmp_path / "file.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def edited(path: Path, table: str, record: str, **fields: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    document["records"][table][record] |= fields
    return document


def test_a_contract_that_is_not_billed_yet(plan: Callable[..., Ran]):
    ran = plan(QUARTERS)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("+ 8018Z0000000002QAA  Name 1  EUR  2026-12-01..2027-12-01  4 operations\n")
    assert '    phase 3  2027-06-01..2027-09-01  "Quarter 3"\n      45 x Name 2 at 51.00 EUR per 3 months\n' in ran.out
    assert ran.out.endswith("tie-out  CRM 10,710.00 EUR, Stripe 10,710.00 EUR, difference 0.00 EUR: adds up\n")
    assert plan(QUARTERS, "--detailed-exitcode").code == 2


def test_as_json_it_is_one_plan(plan: Callable[..., Ran]):
    document = plan(QUARTERS, "--json").document
    assert (document["schema_version"], document["verdict"]) == (1, "apply")
    assert [phase["segment_label"] for phase in document["schedules"][0]["phases"]] == [
        f"Quarter {number}" for number in (1, 2, 3, 4)
    ]


def test_the_clock_and_the_zone_count(plan: Callable[..., Ran]):
    assert plan(QUARTERS, "--json").document == plan(QUARTERS, "--json", "--time-zone", "Europe/Berlin").document
    late = plan(QUARTERS, "--json", "--now", "2027-04-01").document
    assert late["issues"] or late["operations"]


def test_what_stripe_holds_is_taken_into_account(plan: Callable[..., Ran], write: Callable[[object], Path]):
    held = plan(BILLED, "--existing", STRIPE, "--json").document
    assert [operation["kind"] for operation in held["operations"]] in ([], ["price"])
    document = edited(BILLED, "OrderItem", "8028Z0000000008QAA", Quantity=50.0, TotalPrice=2550.0)
    document["records"]["Order"]["8018Z0000000002QAA"]["TotalAmount"] = 10965.0
    changed = write(document)
    ran = plan(changed, "--existing", STRIPE, "--json")
    (update,) = (one for one in ran.document["operations"] if one["kind"] == "subscription_schedule")
    assert (update["verb"], update["id"]) == ("update", _schedule())
    assert [(c["path"], c["before"], c["after"]) for c in update["changes"]] == [("phases.2.items.0.quantity", 45, 50)]


def _schedule() -> str:
    objects = json.loads(STRIPE.read_text(encoding="utf-8"))["objects"]
    return next(str(entry["id"]) for entry in objects if entry["object"] == "subscription_schedule")


def test_a_contract_with_a_mistake_is_refused_with_its_fix(plan: Callable[..., Ran], write: Callable[[object], Path]):
    ran = plan(write(edited(QUARTERS, "OrderItem", "8028Z0000000008QAA", Quantity=2.5, TotalPrice=127.5)))
    assert ran.code == 3
    assert "  refused\n" in ran.out
    assert "fix: " in ran.out


WRONG: list[tuple[str, object, str]] = [
    ("not JSON", "{", "line 1, column 2: not valid JSON: "),
    ("a list", [], 'top level: expected an object {"format": ...'),
    ("no format", {}, 'format: found None; write "format": "crm-records/1".'),
    (
        "another format",
        {"format": "crm-records/9"},
        'format: found \'crm-records/9\'; write "format": "crm-records/1".',
    ),
    ("no CRM", {"format": "crm-records/1"}, 'crm: name the CRM that the records come from, such as "crm": "sales'),
    ("no root", {"format": "crm-records/1", "crm": "salesforce"}, 'root: name the contract\'s record, such as "root"'),
    (
        "no such root",
        {"format": "crm-records/1", "crm": "salesforce", "root": {"object": "Order", "id": "801"}, "records": {}},
        "root: there is no record 801 under records; add it, or name one that is there.",
    ),
    ("a number no CRM holds", '{"format": NaN}', "JSON: NaN is not a number that a CRM can hold; leave the field out."),
    ("a key twice", '{"crm": "a", "crm": "b"}', "JSON: 'crm' occurs twice in one object; keep one of them."),
]


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_records_file(plan: Callable[..., Ran], write: Callable[[object], Path], content: object, words: str):
    path = write(content)
    ran = plan(path)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"{path}: {words}")
    assert "Traceback" not in ran.err


def test_an_unknown_crm_has_no_mapping(plan: Callable[..., Ran], write: Callable[[object], Path]):
    document = json.loads(QUARTERS.read_text(encoding="utf-8")) | {"crm": "pipedrive"}
    ran = plan(write(document))
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "there is no bundled mapping file for 'pipedrive'; name one with --mapping FILE\n"


EXISTING = '{"format": "stripe-objects/1", "objects": [...]}'
WRONG_EXISTING: list[tuple[str, object, str]] = [
    ("not JSON", "{'a': 1}", "line 1, column 2: not valid JSON: "),
    ("a list", [], f"an existing file is {EXISTING}"),
    ("no format", {"objects": []}, f"an existing file is {EXISTING}"),
    ("no objects", {"format": "stripe-objects/1"}, f"an existing file is {EXISTING}"),
    (
        "an object without id",
        {"format": "stripe-objects/1", "objects": [{"id": "cus_1"}, {"object": "price"}]},
        "object 2 has no id; put whole objects there, as Stripe's API shows them",
    ),
]


@pytest.mark.parametrize(("content", "words"), [r[1:] for r in WRONG_EXISTING], ids=[r[0] for r in WRONG_EXISTING])
def test_a_wrong_existing_file(plan: Callable[..., Ran], write: Callable[[object], Path], content: object, words: str):
    path = write(content)
    ran = plan(BILLED, "--existing", path)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"{path}: {words}")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--now", "yesterday"], "--now 'yesterday' is not a moment such as 2023-11-15T16:49:00Z"),
        (["--time-zone", "Berlin"], "--time-zone 'Berlin' is not a time zone such as Europe/Berlin"),
        (["--time-zone", "../etc"], "--time-zone '../etc' is not a time zone such as Europe/Berlin"),
        (["--existing", "/nowhere.json"], "cannot read the existing file /nowhere.json: No such file or directory"),
        (["--mapping", "/nowhere.yaml"], "cannot read the mapping file /nowhere.yaml: No such file or directory"),
    ],
)
def test_wrong_options(plan: Callable[..., Ran], options: list[str], words: str):
    ran = plan(QUARTERS, *options)
    assert (ran.code, ran.out, ran.err) == (3, "", f"{words}\n")


def test_a_records_file_that_cannot_be_read(plan: Callable[..., Ran], tmp_path: Path):
    assert plan("/nowhere.json").err == "cannot read the records file /nowhere.json: No such file or directory\n"
    assert plan(tmp_path).err == f"cannot read the records file {tmp_path}: Is a directory\n"
    (tmp_path / "latin").write_bytes(b"\xe9")
    assert plan(tmp_path / "latin").err == f"the records file {tmp_path / 'latin'} is not UTF-8 text\n"


def test_a_wrong_mapping_is_shown_with_its_place(plan: Callable[..., Ran], tmp_path: Path):
    path = tmp_path / "mapping.yaml"
    path.write_text("version: 1\ncrm: salesforce\nobjets: {}\n", encoding="utf-8")
    ran = plan(QUARTERS, "--mapping", path)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("the mapping file cannot be used:\n")
    assert f"{path}:3:1" in ran.err
    assert "objects" in ran.err
