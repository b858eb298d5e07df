"""Files without a fault that probably do not mean what was wanted, and the exact text an admin reads: doubtful/*.txt.

A case is what is appended to BASE, a line of =====, and the expected text. The org that it is checked against is in
org.py. `GOLDEN=write pytest tests/mapping/test_doubtful_files.py` writes the expectations anew; review the diff.
"""

import os
import re
from pathlib import Path

import pytest

from connector.billing.targets import sdk_targets
from connector.mapping.advice import advise
from connector.mapping.grammar import load_mapping
from connector.mapping.org_checks import check_against
from tests.mapping.org import CATALOGUE

BASE = """\
version: 1
crm: salesforce
objects: {revision: Order, line: OrderItem}
contract: {start: EffectiveDate, currency: CurrencyIsoCode}
party: {ref: AccountId}
product: {ref: Product2Id, name: Product2.Name}
line: {quantity: Quantity, unit_price: UnitPrice}
"""
CASES = sorted((Path(__file__).parent / "doubtful").glob("*.txt"))
CODES = {f"MAP-{number:03}" for number in (70, 71, 72, 73, 74, 75, 101, 103, 104, 105)}


def rendered(text: str) -> str:
    whole = text.removeprefix("# whole file\n")
    loaded = load_mapping(whole if whole != text else BASE + text, name="mappings/deals.yaml", targets=sdk_targets())
    assert loaded.document, [problem.render() for problem in loaded.problems]
    found = [*advise(loaded.document), *check_against(loaded.document, CATALOGUE)]
    return "\n\n".join(problem.render() for problem in found)


def test_base_is_beyond_doubt() -> None:
    assert rendered("") == ""


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_doubt_is_explained(case: Path) -> None:
    text, _, expected = case.read_text().partition("=====\n")
    found = rendered(text) + "\n"
    if os.environ.get("GOLDEN") == "write":
        case.write_text(f"{text}=====\n{found}")
        return
    assert found == expected
    assert found.strip()


def test_every_code_has_a_case() -> None:
    said = "".join(case.read_text().partition("=====\n")[2] for case in CASES)
    assert set(re.findall(r"MAP-\d{3}", said)) == CODES


def test_every_code_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text().partition("| Code | Found")[2]
    used = {"MAP-102", "MAP-106", "MAP-080"}  # need records, or are of another kind of file
    assert set(re.findall(r"MAP-\d{3}", page)) == CODES | used
