"""Failure classes: what a contract waits for, and when it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.app import App
from connector.desk import Backoff, Planned, Result
from connector.domain.issues import Issue, IssueCode, Source, block, warn
from connector.failures import NOT_TOLD, FailureClass, due_after, failure_of
from connector.journal import FailureState, WorkState
from connector.mapping.raw import RawContract, RawRecord, RawRecords
from connector.mapping.reader import Reading
from connector.plan.existing import NOTHING
from connector.plan.safety import Judgement, Verdict
from connector.plan.status import Ids, failed_status
from jobs.retry import retry
from jobs.stopping import Stopping
from jobs.write_back import write_back

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
RAW = RawContract("order-1", "salesforce", RawRecord("Order", "801-1", {}), (), RawRecords(()))
DATA = block(IssueCode.SEGMENT_GAP, Source("801-1", "EndDate"), "a gap", "close it")
NO_FIELD = block(IssueCode.FIELD_MISSING, Source("801-1"), "nothing is mapped", "map it")
FIELD = block(IssueCode.FIELD_MISSING, Source("801-1", "PoNumber"), "empty", "fill it in")
KEYS = block(IssueCode.LIMIT_METADATA, Source("801-1"), "51 keys", "map fewer")
GONE = block(IssueCode.RECORD_GONE, Source("801-1"), "deleted", "restore it")
REFUSED = block(IssueCode.STRIPE_REJECTED, Source("801-1"), "no such coupon", "correct it")
NOTE = warn(IssueCode.LINE_SKIPPED, Source("801-1"), "left out", "")


def result(outcome: str, *issues: Issue, error: str | None = None, untold: str | None = None, bug: str | None = None):
    planned = Planned(RAW, Reading(None, issues, ()), None, NOTHING, Judgement(Verdict.REFUSE, ("too many",)), bug=bug)
    return Result(planned, outcome, None, error=error, untold=untold)


@pytest.mark.parametrize(
    ("found", "kind", "code"),
    [
        (result("refused", NOTE, DATA), "fix_data", "SEGMENT_GAP"),
        (result("refused", FIELD), "fix_data", "FIELD_MISSING"),
        (result("refused", NO_FIELD), "fix_mapping", "FIELD_MISSING"),
        (result("refused", KEYS), "fix_mapping", "LIMIT_METADATA"),
        (result("refused"), "fix_data", "REFUSED"),
        (result("failed", REFUSED, error="no such coupon"), "fix_data", "STRIPE_REJECTED"),
        (result("failed", error="does not hold what was sent"), "bug", "UNEXPECTED"),
        (result("failed", error="unexpected KeyError", bug="unexpected KeyError"), "bug", "UNEXPECTED"),
        (result("waiting", error="Stripe is away"), "wait", "AWAY"),
        (result("busy"), "wait", "BUSY"),
        (result("applied", error="not told", untold="not told"), "wait", NOT_TOLD),
        (result("refused", DATA, error="not told", untold="not told"), "wait", NOT_TOLD),
        (result("refused", GONE, error="not told", untold="not told"), "fix_data", "RECORD_GONE"),
        (result("failed", error="x", untold="y", bug="x"), "bug", "UNEXPECTED"),
    ],
)
def test_the_class_of_a_failure(found: Result, kind: str, code: str):
    failure = failure_of(found)
    assert failure is not None
    assert (failure.kind, failure.code) == (kind, code)


@pytest.mark.parametrize(
    "found", [result("applied"), result("nothing", NOTE), result("pending"), result("skipped", DATA, untold="x")]
)
def test_what_is_no_failure(found: Result):
    assert failure_of(found) is None


def test_what_did_not_converge_keeps_its_code():
    status = failed_status("does not hold what was sent", "tell us", Ids())
    planned = Planned(RAW, Reading(None, (), ()), None, NOTHING, Judgement(Verdict.APPLY))
    failure = failure_of(Result(planned, "failed", status, error="does not hold what was sent"))
    assert failure is not None
    assert (failure.kind, failure.code) == (FailureClass.BUG, "NOT_CONVERGED")


def test_who_submits_a_failure_whose_time_has_come(app: App):
    """What the CRM was not told is for `write_back`, whatever else is due for `retry`; neither works by itself."""
    now = app.desk().clock()
    app.journal.record_failures([failed("untold", NOT_TOLD, now), failed("away", "AWAY", now)])
    for job, record in ((write_back, "untold"), (retry, "away")):
        before = {item.key for item in app.journal.work_items(WorkState.DUE)}
        job(app, Stopping())
        (item,) = [one for one in app.journal.work_items(WorkState.DUE) if one.key not in before]
        assert item.account == f"record:{record}"
    (asked, told) = app.journal.latest_runs("salesforce")
    assert [(run.job, run.counts) for run in (told, asked)] == [
        ("write_back", {"submitted": 1}),
        ("retry", {"submitted": 1}),
    ]


def failed(record: str, code: str, when: datetime) -> FailureState:
    return FailureState(
        connection="salesforce",
        contract_key=record,
        record=record,
        kind="wait",
        code=code,
        error="",
        remedy="",
        since=when,
        attempts=1,
        last_at=when,
        due_at=when,
        mapping_hash="",
    )


BACKOFF = Backoff(timedelta(seconds=5), timedelta(minutes=1))


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (50, 60), (5000, 60)])
def test_waits_double_up_to_the_most(attempts: int, seconds: int):
    latest = due_after(FailureClass.WAIT, attempts, NOW, BACKOFF, 1.0)
    earliest = due_after(FailureClass.WAIT, attempts, NOW, BACKOFF, 0.0)
    assert (latest, earliest) == (NOW + timedelta(seconds=seconds), NOW + timedelta(seconds=seconds / 2))


@pytest.mark.parametrize("kind", [FailureClass.FIX_DATA, FailureClass.FIX_MAPPING, FailureClass.BUG])
def test_what_waits_for_people_is_not_tried_by_itself(kind: FailureClass):
    assert due_after(kind, 1, NOW, BACKOFF, 0.5) is None
