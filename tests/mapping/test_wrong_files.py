"""Every fault a mapping file can have, and the exact text an admin reads. One file per case in wrong/.

A case is what is appended to BASE (or a whole file, when it says so), included files behind `# file NAME`, a line of
=====, and the expected text.
`GOLDEN=write pytest tests/mapping/test_wrong_files.py` writes the expectations anew; review the diff.
"""

import os
import re
from pathlib import Path

import pytest

from connector.billing.targets import sdk_targets
from connector.mapping.grammar import load_mapping

BASE = """\
version: 1
crm: salesforce
objects: {revision: Order, line: OrderItem}
contract: {start: Start__c, currency: Currency__c}
party: {ref: AccountId}
product: {ref: Product2Id, name: Product2.Name}
line: {quantity: Quantity, unit_price: UnitPrice}
"""
WRONG = Path(__file__).parent / "wrong"
CASES = sorted(WRONG.glob("*.txt"))
CODES = {
    f"MAP-{number:03}"
    for number in (
        1,
        2,
        3,
        4,
        5,
        6,
        10,
        11,
        12,
        13,
        14,
        20,
        21,
        22,
        23,
        24,
        25,
        26,
        30,
        31,
        32,
        33,
        34,
        35,
        40,
        50,
        60,
        61,
        62,
    )
}


def rendered(text: str) -> str:
    main, *others = re.split(r"^# file (\S+)\n", text, flags=re.MULTILINE)
    files = dict(zip(others[::2], others[1::2], strict=True))
    whole = main.removeprefix("# whole file\n")
    loaded = load_mapping(
        whole if whole != main else BASE + main, name="mappings/deals.yaml", targets=sdk_targets(), include=files.get
    )
    assert loaded.mapping is None
    return "\n\n".join(problem.render() for problem in loaded.problems)


def test_base_is_right() -> None:
    assert load_mapping(BASE, name="base.yaml", targets=sdk_targets()).problems == ()


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_fault_is_explained(case: Path) -> None:
    text, _, expected = case.read_text().partition("=====\n")
    found = rendered(text) + "\n"
    if os.environ.get("GOLDEN") == "write":
        case.write_text(f"{text}=====\n{found}")
        return
    assert found == expected


def test_every_code_has_a_case() -> None:
    said = "".join(case.read_text().partition("=====\n")[2] for case in CASES)
    assert set(re.findall(r"MAP-\d{3}", said)) == CODES


def test_every_code_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text().partition("| Code | Fault |")[2]
    assert set(re.findall(r"MAP-\d{3}", page.partition("| Code | Found")[0])) == CODES


def test_every_fault_has_a_remedy() -> None:
    for case in CASES:
        for block in case.read_text().partition("=====\n")[2].strip().split("\n\n"):
            assert re.match(r"   \S", block.splitlines()[-1]), block


def test_file_size_is_limited() -> None:
    loaded = load_mapping(BASE + "#" * 1024 * 1024, name="big.yaml", targets=sdk_targets())
    assert [problem.message for problem in loaded.problems] == ["the file is larger than 1 MiB"]
