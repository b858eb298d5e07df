"""What CPQ would not let an amendment do: said, refused, or left alone; and an order behind a termination."""

import pytest

from connector.compile.contract import compile_contract
from connector.domain.issues import IssueCode
from tests.builders import END, START, amendment, contract, day, line, ramp

JULY, SECOND, LATE = day(2027, 7), day(2028), day(2029)
RAMP = ramp((START, SECOND, 10, 100), (SECOND, LATE, 20, 120))


def more(ref="C1", *, start=SECOND, end=LATE, revises="S2", quantity=5):
    return line(ref, quantity=quantity, price=120, start=start, end=end, revises=revises)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (amendment("A1", JULY, more(start=START, end=SECOND, revises="S1")), IssueCode.AMENDMENT_START,
         "the line starts on 2027-01-01, before the amendment does (2027-07-01)"),
        (amendment("A1", SECOND, more(start=SECOND, end=LATE, revises="S1")), IssueCode.SEGMENT_PAST,
         'segment "Year 1" was over when the amendment starts (2028-01-01)'),
        (amendment("A1", SECOND, more(end=day(2028, 10))), IssueCode.SEGMENT_PERIOD,
         'gives segment "Year 2" another end: 2028-10-01 instead of 2029-01-01'),
        (amendment("A1", SECOND, more()), None, ""),
    ],
    ids=["starts early", "past segment", "another end", "as CPQ does"],
)  # fmt: skip
@pytest.mark.parametrize("policy", ["warn", "enforce", "off"])
def test_rules_of_the_crm(change, code, words, policy):
    found = compile_contract(contract(*RAMP, change, end=LATE, policies={"crm_rules": policy}))
    issues = [issue for issue in found.issues if issue.code is code]
    assert len(issues) == (0 if policy == "off" or code is None else 1)
    assert [issue.blocks for issue in issues] == [policy == "enforce"] * len(issues)
    assert all(words in issue.message and issue.remedy for issue in issues)
    assert found.desired is not None


def test_a_change_behind_a_termination_is_an_issue():
    ended = amendment("A1", JULY, line("C1", quantity=-1, price=600, start=JULY, revises="L1"))
    behind = amendment("A2", day(2027, 9), line("C2", quantity=3, price=400, start=day(2027, 9), revises="L1"))
    found = compile_contract(contract(line(), ended, behind))
    (issue,) = (issue for issue in found.issues if issue.blocks)
    assert (issue.code, issue.record) == (IssueCode.TERMINATION, "A2")
    assert "from 2027-09-01, but everything in it was ended on 2027-07-01" in issue.message
    assert END > JULY
    assert compile_contract(contract(line(), ended)).issues == ()
