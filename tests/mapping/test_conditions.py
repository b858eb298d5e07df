"""Conditions of sync, hold, skip_line and when."""

from decimal import Decimal

import pytest

from connector.domain.issues import Source
from connector.mapping.conditions import Both, Condition, Not, Test, culprit, holds, paths_in
from connector.mapping.paths import Path
from connector.mapping.raw import RawRecord, RawRecords

Test.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it for its name

ORDER = RawRecord(
    "Order",
    "801000000000001AAA",
    {
        "Status": "Activated",
        "Hold__c": False,
        "Text_Flag__c": "true",
        "Amount__c": 12.0,
        "Note__c": "  ",
        "EffectiveDate": "2025-03-01",
        "AccountId": "001000000000001AAA",
    },
)
ACCOUNT = RawRecord("Account", "001000000000001AAA", {"Name": "Acme"})
RECORDS = RawRecords([ORDER, ACCOUNT])


def check(path: str, operator: str, operand: object) -> Test:
    return Test(Path.parse(path), operator, operand)


ACTIVE = check("Status", "eq", "Activated")
HELD = check("Hold__c", "eq", True)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (ACTIVE, True),
        (check("Status", "eq", "activated"), False),
        (check("Status", "ne", "Draft"), True),
        (check("Status", "in", ("Draft", "Activated")), True),
        (check("Status", "in", ("Draft",)), False),
        (check("Status", "exists", True), True),
        (check("Note__c", "exists", True), False),
        (check("Note__c", "exists", False), True),
        (HELD, False),
        (check("Hold__c", "eq", False), True),
        (check("Missing__c", "eq", False), True),
        (check("Missing__c", "eq", True), False),
        (check("Missing__c", "eq", None), True),
        (check("Missing__c", "eq", "x"), False),
        (check("Missing__c", "ne", "x"), True),
        (check("Text_Flag__c", "eq", True), True),
        (check("Status", "eq", True), False),
        (check("Amount__c", "eq", 12), True),
        (check("Amount__c", "gt", Decimal("11.99")), True),
        (check("Amount__c", "ge", 12), True),
        (check("Amount__c", "lt", 12), False),
        (check("Amount__c", "le", 12), True),
        (check("Status", "gt", 1), False),
        (check("Missing__c", "lt", 1), False),
        (check("EffectiveDate", "ge", "2025-03-01"), True),
        (check("EffectiveDate", "lt", "2025-03-01"), False),
        (check("EffectiveDate", "gt", "soon"), False),
        (check("Account.Name", "eq", "Acme"), True),
        (check("Owner.Name", "exists", True), False),
        (Not(HELD), True),
        (Both("all", (ACTIVE, Not(HELD))), True),
        (Both("all", (ACTIVE, HELD)), False),
        (Both("any", (HELD, ACTIVE)), True),
        (Both("any", (HELD, Not(ACTIVE))), False),
    ],
)
def test_holds(condition: Condition, wanted: bool) -> None:
    assert holds(condition, ORDER, RECORDS) is wanted


def test_paths_are_found_at_every_depth() -> None:
    condition = Both("any", (Not(HELD), Both("all", (ACTIVE, check("Account.Name", "exists", True)))))
    assert [str(path) for path in paths_in(condition)] == ["Hold__c", "Status", "Account.Name"]


@pytest.mark.parametrize(
    ("condition", "field", "said"),
    [
        (check("Status", "eq", "Draft"), "Status", "Status is Activated"),
        (Both("all", (ACTIVE, HELD)), "Hold__c", "Hold__c is false"),
        (Not(ACTIVE), "Status", "Status is Activated"),
        (Both("any", (HELD, check("Note__c", "exists", True))), "Hold__c", "Hold__c is false"),
        (check("Note__c", "exists", True), "Note__c", "Note__c is empty"),
    ],
)
def test_culprit_is_the_field_that_decides(condition: Condition, field: str, said: str) -> None:
    assert culprit(condition, ORDER, RECORDS) == (Source(ORDER.id, field), said)


def test_culprit_of_a_missing_parent_is_the_lookup() -> None:
    source, _ = culprit(check("SBQQ__Quote__r.SBQQ__Status__c", "eq", "Approved"), ORDER, RECORDS)
    assert source == Source(ORDER.id, "SBQQ__Quote__c")
