"""Edits by hand, told from plain values: what was applied last, what Stripe holds, what the contract says now."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from connector.domain.contract import Contract
from connector.domain.issues import IssueCode
from connector.plan.drift import Edit, edits_digest, edits_in_words
from connector.plan.existing import ExistingState
from connector.plan.plan import Plan
from connector.plan.safety import Verdict
from tests.builders import END, START, contract, coupon, day, ramp
from tests.plan.builders import SCHEDULE, applied, judged, planned

END_2028 = day(2029)
RUNNING = day(2027, 3, 10)


def two_years(second: int = 20, price: int = 120, **fields: Any) -> Contract:
    return contract(*ramp((START, END, 10, 100), (END, END_2028, second, price)), end=END_2028, **fields)


def held(sold: Contract, *edits: tuple[str, Any], running: bool = False, sure: bool = True) -> ExistingState:
    """Return what Stripe holds of a contract as it was sold, with values at paths edited by hand."""
    state = applied(planned(sold))
    before = state.objects[SCHEDULE]
    params = deepcopy(before.params)
    for path, value in edits:
        *steps, last = path.split(".")
        place = params
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value
    read = replace(
        before,
        params=params,
        applied=before.params if sure else None,
        status="active" if running else "not_started",
        current_start=START if running else None,
        made=day(2026, 12),
    )
    return ExistingState({**state.objects, SCHEDULE: read})


def told(plan: Plan) -> list[tuple[str, Any, Any, Any]]:
    return [(edit.path, edit.desired, edit.applied, edit.live) for edit in plan.edits]


SECOND = "phases.1.items.0.quantity"


@pytest.mark.parametrize("running", [False, True], ids=["not begun", "running"])
@pytest.mark.parametrize(
    ("edits", "now", "expected"),
    [
        ([], two_years(), []),
        ([], two_years(25), []),
        ([], two_years(20, 130), []),
        ([(SECOND, 21)], two_years(), [(SECOND, 20, 20, 21)]),
        ([(SECOND, 21)], two_years(25), [(SECOND, 25, 20, 21)]),
        ([(SECOND, 21)], two_years(20, 130), [(SECOND, 20, 20, 21)]),
        ([(SECOND, 25)], two_years(25), []),
        ([("end_behavior", "release")], two_years(), [("end_behavior", "cancel", "cancel", "release")]),
        ([("end_behavior", "release")], two_years(25), [("end_behavior", "cancel", "cancel", "release")]),
        (
            [("phases.1.end_date", "2028-12-01")],
            two_years(25),
            [("phases.1.end_date", "2029-01-01", "2029-01-01", "2028-12-01")],
        ),
        (
            [("phases.1.metadata.note", "x"), ("theirs", 1)],
            two_years(),
            [],
        ),
    ],
    ids=[
        "nothing happened",
        "the contract: quantity",
        "the contract: price",
        "by hand",
        "both, the same value",
        "both, side by side",
        "both to the same end",
        "a setting",
        "a setting, and the contract",
        "an end",
        "what is not ours",
    ],
)
def test_what_was_edited_is_told_apart_from_what_was_sold(
    edits: list[tuple[str, Any]], now: Contract, expected: list[Any], running: bool
):
    today = RUNNING if running else day(2026, 12)
    plan = planned(now, held(two_years(), *edits, running=running), today=today)
    assert told(plan) == expected


def test_coupons_of_a_phase_to_come_are_compared():
    sold = two_years(discounts=[coupon()])
    state = held(sold, ("phases.1.items.0.discounts", []), ("phases.1.discounts", []))
    plan = planned(sold, state)
    assert plan.edits
    assert all("discounts" in edit.path for edit in plan.edits)


def test_a_schedule_that_was_made_late_is_no_edit():
    """Stripe holds one phase for the time that has begun, where two were told."""
    sold = contract(*ramp((START, day(2027, 2), 10, 100), (day(2027, 2), END, 20, 100)))
    state = held(sold, running=True)
    first, second = state.objects[SCHEDULE].params["phases"]
    merged = {**second, "start_date": first["start_date"]}
    late = replace(state.objects[SCHEDULE], params={**state.objects[SCHEDULE].params, "phases": [merged]})
    changed = contract(*ramp((START, day(2027, 2), 10, 100), (day(2027, 2), END, 25, 100)))
    plan = planned(changed, ExistingState({**state.objects, SCHEDULE: late}), today=RUNNING)
    assert plan.operations
    assert plan.edits == ()


def test_without_the_journals_word_nothing_is_an_edit():
    plan = planned(two_years(), held(two_years(), (SECOND, 21), sure=False))
    assert plan.operations
    assert plan.edits == ()


def test_an_edit_asks_whatever_the_limits_say_and_an_approval_answers():
    plan = planned(two_years(), held(two_years(), (SECOND, 21)))
    assert [(issue.code, issue.blocks) for issue in plan.issues] == [(IssueCode.DRIFT, False)]
    asked = judged(plan)
    assert asked.verdict is Verdict.NEEDS_APPROVAL
    assert asked.reasons == (f"edited in Stripe by hand: {SECOND} is 21, we had applied 20",)
    assert judged(plan, approved=plan.fingerprint).verdict is Verdict.APPLY
    assert judged(plan, approved="another").verdict is Verdict.NEEDS_APPROVAL


def test_an_ignored_edit_is_not_undone_without_asking():
    plan = planned(two_years(25), held(two_years(), (SECOND, 21)))
    asked = judged(plan, ignored="by ann: promised")
    assert asked.verdict is Verdict.NEEDS_APPROVAL
    (reason,) = asked.reasons
    assert reason.startswith("undoes what was edited in Stripe by hand and is ignored (by ann: promised): ")
    assert reason.endswith(f"{SECOND} is 21, we had applied 20, and the contract now says 25")


def test_edits_are_named_by_what_stripe_holds():
    edit = Edit("sub_sched_1", SECOND, 20, 20, 21)
    assert edits_digest([edit]) == edits_digest([replace(edit, desired=25, applied=25)])
    assert edits_digest([edit]) != edits_digest([replace(edit, live=22)])
    assert edits_digest([edit]) != edits_digest([replace(edit, schedule="sub_sched_2")])


def test_many_edits_are_cut_short():
    edits = [Edit("sub_sched_1", f"phases.{n}.end_date", None, None, "2027-01-01") for n in range(5)]
    words = edits_in_words(edits)
    assert words.startswith("phases.0.end_date is 2027-01-01, we had applied not there; ")
    assert words.endswith("; and 2 more")
