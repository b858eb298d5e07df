"""One recording, played run by run, and compared after each: what is equal, and why not where it is not.

Facts of a recording: phases, dates, items, quantities, segment metadata; amounts only where its own checks agree.
"""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

from connector.desk import Planned
from connector.domain.issues import IssueCode
from connector.plan.document import plan_document, unreadable_document
from tests.corpus.beside import compare_with_recorded
from tests.corpus.days import together
from tests.corpus.evergreen import compare_evergreen
from tests.corpus.failures import compare_failure
from tests.corpus.held import compare_held
from tests.corpus.incumbent import invoiced_by_recorded
from tests.corpus.invoiced import compare_invoiced, last_day, sold
from tests.corpus.money import compare_money
from tests.corpus.one_offs import compare_one_offs
from tests.corpus.overlay import mapping_for
from tests.corpus.phases import compare_phases
from tests.corpus.recorded import schedule_of
from tests.corpus.recordings import Recording
from tests.corpus.result import Comparison
from tests.corpus.settings import compare_settings
from tests.corpus.stage import Acted, Stage

NO_ORDER = "no order is translated in this recording: there is nothing to compile"
NOTHING_MADE = "the recorded run only read: no schedule to compare with"
MISSED = "recorded fault: the run changed nothing, though the CRM sold something else than before"
RAMP_ENDED_EARLY = "recorded fault: a ramp is cancelled at once, although its termination lies in the future"
NOT_YET = {IssueCode.LIVE_CHANGE: "a change of what has begun on a schedule that runs (LIVE_CHANGE)"}


def play(recording: Recording) -> list[Comparison]:
    """Let a recording's order runs happen one after the other, and compare after each; its contracts run to their end.

    A recording without an order run has one result, with a note.
    """
    if recording.run is None:
        result = Comparison(recording)
        result.notes.append(NO_ORDER)
        return [result]
    mapping, notes = mapping_for(recording.data["config"], tiered=_forces_tiers(recording))
    results: list[Comparison] = []
    last: dict[str, tuple[Comparison, Acted]] = {}
    with Stage(recording.data, mapping, recording.steps[0].moment) as stage:
        for step in recording.steps:
            result = Comparison(step, notes=[] if results else list(notes))
            own, *others = stage.act(step.root, step.input, step.moment)
            _compare_run(result, own, stage)
            results.append(result)
            last[own.result.planned.raw.key] = (result, own)
            for acted in others:
                key = acted.result.planned.raw.key
                last[key] = (last.get(key, (result, own))[0], acted)
        until = last_day((acted.result.planned for _, acted in last.values()), stage.now.date())
        for acted in stage.wait(until):
            _compare_wait(last[acted.result.planned.raw.key][0], acted, stage)
        for result, acted in last.values():
            _compare_end(result, acted, stage)
        strays = stage.strays(last)
        if strays:
            results[-1].fault("invoiced", f"invoiced beside the contracts: {strays}")
    results[-1].recorded_days = invoiced_by_recorded(recording)
    if not any(result.not_yet for result in results):
        ours = together(result.days for result, _ in last.values())
        value = sum(result.sold or 0 for result, _ in last.values())
        compare_with_recorded(results[-1], ours, value, recording.moment.date())
    return results


def _compare_end(result: Comparison, acted: Acted, stage: Stage) -> None:
    """Compare what a contract was invoiced in the end."""
    planned = acted.result.planned
    result.sold = sold(planned)
    if result.not_yet:
        result.open.add("invoiced")
    else:
        key = planned.raw.key
        compare_invoiced(result, planned, [*stage.invoices(key), *stage.credits(key)], acted.now.date())


def _compare_wait(result: Comparison, acted: Acted, stage: Stage) -> None:
    """Ask whether a contract holds on a day that came by itself; what was refused before stays refused."""
    refused = result.document["verdict"] == "refuse"
    found = acted.result
    if found.outcome not in {"applied", "nothing", *(("refused",) if refused else ())}:
        why = [issue.message for issue in found.planned.issues if issue.blocks]
        result.fault("invoiced", f"on {acted.now.date()}, by itself: {found.outcome} {found.error or why}")
    elif again := stage.plan_again(acted):
        result.fault("invoiced", f"on {acted.now.date()}, by itself: there is still something to do: {again}")


def _compare_run(result: Comparison, acted: Acted, stage: Stage) -> None:
    planned = acted.result.planned
    result.document = _document(planned)
    refusals = {issue.code for issue in planned.issues if issue.blocks}
    billed = result.recording.outcome != "error"
    reason = next((NOT_YET[code] for code in NOT_YET if code in refusals and billed), None)
    if reason:
        result.put_off(reason)
        return
    if acted.result.error:
        result.fault("phases", f"{acted.result.outcome}: {acted.result.error}")
    if not billed:
        compare_failure(result)
    if result.document["verdict"] != "refuse" or (billed and result.recording.outcome != "no_change"):
        compare_money(result)
    if billed and result.recording.evergreen:
        compare_evergreen(result, stage.schedules(planned.raw.key), acted.now.date().isoformat())
    elif billed:
        _compare_schedule(result, acted, stage)
    again = stage.plan_again(acted)
    if again:
        result.fault("phases", f"planned again after it was applied, there is still something to do: {again}")


def _document(planned: Planned) -> dict[str, Any]:
    if planned.plan is None:
        document = unreadable_document(planned.raw.crm, planned.raw.key, planned.issues)
    else:
        document = plan_document(planned.plan, planned.judgement)
    result: dict[str, Any] = json.loads(json.dumps(document))
    return result


def _forces_tiers(recording: Recording) -> bool:
    """Tell whether the recorded test set every price to tiered, which its configuration does not hold."""
    return any(
        request["path"] == "/v1/prices"
        and (request["params"] or {}).get("billing_scheme") == "tiered"
        and "tiers" not in request["params"]
        for request in recording.data["stripe"]["requests"]
        if request["method"] == "POST"
    )


def _compare_schedule(result: Comparison, acted: Acted, stage: Stage) -> None:
    run = result.recording.run
    assert run is not None
    orders = {revision["ref"][:15] for revision in result.document["contract"]["revisions"]}
    schedule = schedule_of(result.recording, orders)
    invoice = next((e for e in run["results"] if e.get("object") == "invoice"), None)
    if result.recording.outcome == "no_change" and acted.result.outcome == "applied":
        result.notes.append(NOTHING_MADE if len(result.recording.runs) == 1 else MISSED)
    elif result.document["verdict"] == "refuse" and result.recording.outcome == "success":
        result.fault("phases", f"refused, though it was billed: {result.document['reasons']}")
    elif schedule and schedule["status"] == "canceled":
        _compare_cancelled(result)
    elif schedule:
        compare_phases(result, schedule)
        compare_one_offs(result, schedule)
        if result.recording.is_last:  # a recording holds its settings as they were at its end
            compare_settings(result, schedule)
    elif invoice:
        _compare_invoice(result, invoice)
    else:
        result.notes.append(NOTHING_MADE)
    if schedule and result.phases:
        held = stage.schedules(acted.result.planned.raw.key)
        compare_held(result, held, schedule, stage.coupon, acted.now.date().isoformat())


def _compare_cancelled(result: Comparison) -> None:
    """Nothing may be left of a contract that ended on its first day."""
    schedules, invoices = result.document["schedules"], result.document["invoices"]
    result.phases = not schedules and not any(invoice["lines"] for invoice in invoices)
    if result.phases:
        return
    if result.recording.segmented and all(schedule["end"] > result.recording.now[:10] for schedule in schedules):
        result.phases = True
        result.explain("phases", RAMP_ENDED_EARLY)
    else:
        result.fault("phases", f"recorded as cancelled, ours {schedules or invoices}")


def _compare_invoice(result: Comparison, recorded: dict[str, Any]) -> None:
    lines = [line for invoice in result.document["invoices"] for line in invoice["lines"]]
    ours = Counter((line["product"], line["quantity"], Decimal(line["unit_amount"])) for line in lines)
    theirs = Counter(
        (line["salesforce_product2_id"], line["quantity"], Decimal(line["unit_amount_decimal"]))
        for line in recorded["lines"]
    )
    result.phases = ours == theirs
    if not result.phases:
        result.fault("phases", f"invoice lines: ours {ours}, recorded {theirs}")
