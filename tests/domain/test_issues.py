"""The two channels for what goes wrong: issues for people, errors for the program."""

import pytest

from connector.domain.errors import ConnectorError, RejectedError, RetryableError, UnsafePlanError
from connector.domain.issues import NOWHERE, Issue, IssueCode, Severity, Source, block, blocking, warn

PLACE = Source("R1", "Start__c")


def test_an_issue_tells_what_where_and_how_to_fix_it():
    found = block(IssueCode.START_MISSING, PLACE, "no start", "fill it in")
    assert found == Issue(IssueCode.START_MISSING, Severity.BLOCK, "no start", "fill it in", "R1", "Start__c")
    assert found.blocks
    assert not warn(IssueCode.START_MISSING, NOWHERE, "no start", "fill it in").blocks


def test_only_what_blocks_is_blocking():
    stop, note = (make(IssueCode.LINE_DATES, PLACE, "", "") for make in (block, warn))
    assert blocking((note, stop, note)) == (stop,)
    assert blocking(()) == ()


def test_codes_are_written_to_the_crm_as_they_are_named():
    assert all(code.value == code.name for code in IssueCode)


def test_a_retry_may_know_how_long_to_wait():
    assert (RetryableError("busy").after, RetryableError("busy", after=2.5).after) == (None, 2.5)


def test_a_refusal_keeps_the_vendors_words():
    error = RejectedError("no", vendor="stripe", code="c", param="p", request_id="req_1", status=400)
    facts = (str(error), error.vendor, error.code, error.param, error.request_id, error.status)
    assert facts == ("no", "stripe", "c", "p", "req_1", 400)


@pytest.mark.parametrize("error", [RetryableError("x"), RejectedError("x", vendor="stripe"), UnsafePlanError("x")])
def test_every_error_of_ours_is_one(error):
    assert isinstance(error, ConnectorError)
