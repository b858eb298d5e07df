"""Our plan document against one recording: what is equal, and why not where it is not.

Facts of a recording: phases, dates, items, quantities, segment metadata; amounts only where its own checks agree.
"""

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.offline import EXISTING_FORMAT, OfflineSettings, plan_records
from connector.plan.document import plan_document, unreadable_document
from connector.plan.safety import Limits
from tests.corpus.evergreen import compare_evergreen
from tests.corpus.failures import compare_failure
from tests.corpus.money import compare_money
from tests.corpus.one_offs import compare_one_offs
from tests.corpus.overlay import mapping_for
from tests.corpus.phases import compare_phases
from tests.corpus.recorded import schedule_of
from tests.corpus.recordings import Recording
from tests.corpus.result import Comparison
from tests.corpus.settings import compare_settings

NO_ORDER = "no order is translated in this recording: there is nothing to compile"
NOTHING_MADE = "the recorded run only read: no schedule to compare with"
RAMP_ENDED_EARLY = "recorded fault: a ramp is cancelled at once, although its termination lies in the future"


def compare(recording: Recording) -> Comparison:
    """Compile a recording's records and compare."""
    result = Comparison(recording)
    if recording.run is None:
        result.notes.append(NO_ORDER)
        return result
    mapping, notes = mapping_for(recording.data["config"], tiered=_forces_tiers(recording))
    result.notes += notes
    result.document = document_of(recording, mapping)
    failing = recording.expects_failure
    if failing:
        compare_failure(result)
    if result.document["verdict"] != "refuse" or not (failing or recording.run["outcome"] == "no_change"):
        compare_money(result)
    if recording.evergreen and not failing:
        compare_evergreen(result)
    elif not failing:
        _compare_schedule(result)
    return result


def document_of(recording: Recording, mapping: Any) -> dict[str, Any]:
    """Return our plan document for the whole contract, as the CRM held it before the run."""
    assert recording.run is not None
    records = {
        "format": "crm-records/1",
        "crm": "salesforce",
        "root": {"object": "Order", "id": recording.root},
        "records": recording.run["input"],
    }
    now = datetime.fromisoformat(recording.now).astimezone(UTC)
    planned = plan_records(
        json.dumps(records, default=str),
        mapping,
        OfflineSettings(now, ZoneInfo("UTC"), Limits()),
        existing_text=_existing(recording),
    )
    if planned.plan is None:
        document = unreadable_document(planned.raw.crm, planned.raw.key, planned.issues)
    else:
        document = plan_document(planned.plan, planned.judgement)
    result: dict[str, Any] = json.loads(json.dumps(document))
    return result


def _existing(recording: Recording) -> str | None:
    """Return what Stripe answered to reads in the run, where the CRM already named a Stripe customer."""
    assert recording.run is not None
    first, last = recording.run["first_call"], recording.run["last_call"]
    seen = [
        request["response"]
        for request in recording.data["stripe"]["requests"]
        if request["method"] == "GET" and first <= request["i"] <= last and "id" in (request["response"] or {})
    ]
    seen = [entry for entry in seen if str(entry["id"]).startswith("cus_")]
    return json.dumps({"format": EXISTING_FORMAT, "objects": seen}, default=str) if seen else None


def _forces_tiers(recording: Recording) -> bool:
    """Tell whether the recorded test set every price to tiered, which its configuration does not hold."""
    return any(
        request["path"] == "/v1/prices"
        and (request["params"] or {}).get("billing_scheme") == "tiered"
        and "tiers" not in request["params"]
        for request in recording.data["stripe"]["requests"]
        if request["method"] == "POST"
    )


def _compare_schedule(result: Comparison) -> None:
    assert result.recording.run is not None
    orders = {revision["ref"][:15] for revision in result.document["contract"]["revisions"]}
    schedule = schedule_of(result.recording, orders)
    invoice = next((e for e in result.recording.run["results"] if e.get("object") == "invoice"), None)
    refused = result.document["verdict"] == "refuse"
    if refused and result.recording.run["outcome"] == "success":
        result.fault("phases", f"refused, though it was billed: {result.document['reasons']}")
    elif schedule and schedule["status"] == "canceled":
        _compare_cancelled(result)
    elif schedule:
        compare_phases(result, schedule)
        compare_one_offs(result, schedule)
        compare_settings(result, schedule)
    elif invoice:
        _compare_invoice(result, invoice)
    else:
        result.notes.append(NOTHING_MADE)


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
