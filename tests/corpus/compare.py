"""Our schedule against the recorded one: what is equal, and why not where it is not.

Facts of a recording: phases, dates, items, quantities, segment metadata; amounts only where its own checks agree.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.issues import IssueCode
from connector.offline import EXISTING_FORMAT, OfflineSettings, plan_records
from connector.plan.document import plan_document, unreadable_document
from connector.plan.safety import Limits
from tests.corpus.overlay import mapping_for
from tests.corpus.recordings import Recording, without_amendments

#: Which of our issues a recorded failure must show as: a word of the recorded message → our code.
FAILURES = {
    "required fields are missing": IssueCode.START_MISSING,
    "metered billing cannot have a quantity": IssueCode.QUANTITY_METERED,
    "found that it was deleted": IssueCode.CUSTOMER_DELETED,
    "does not match the customer currency": IssueCode.CUSTOMER_CURRENCY,
    "catch all tier": IssueCode.TIERS_OPEN,
    "parameter tiers must be set": IssueCode.TIERS_MISSING,
}
#: Recorded failures that Stripe can do today, so that refusing would be wrong.
ALLOWED = {
    "prices must have the same `interval`": "monthly and yearly lines are two linked schedules, shown as one contract",
}


@dataclass
class Comparison:
    """What came of one recording. None means that the question does not arise."""

    recording: Recording
    phases: bool | None = None
    money: bool | None = None
    failure: bool | None = None
    reasons: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Tell whether everything asked for holds."""
        return False not in {self.phases, self.money, self.failure}


def compare(recording: Recording) -> Comparison:
    """Compile a recording's records and compare."""
    result = Comparison(recording)
    if recording.run is None:
        result.reasons.append("no order is translated in this recording: there is nothing to compile")
        return result
    mapping, reasons = mapping_for(recording.data["config"], tiered=_forces_tiers(recording))
    result.reasons += reasons
    result.document = document_of(recording, mapping)
    if recording.expects_failure:
        _compare_failure(result)
    if not recording.expects_failure or result.document["verdict"] != "refuse":
        _compare_money(result)
    if not recording.expects_failure:
        _compare_schedule(result)
    return result


def document_of(recording: Recording, mapping: Any) -> dict[str, Any]:
    """Return our plan document for the recording's first order."""
    assert recording.run is not None
    records = {
        "format": "crm-records/1",
        "crm": "salesforce",
        "root": {"object": "Order", "id": recording.root},
        "records": without_amendments(recording.run),
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


def _compare_failure(result: Comparison) -> None:
    recorded = " ".join(record["message"] for record in result.recording.run["sync_records"])  # type: ignore[index]
    for words, reason in ALLOWED.items():
        if words in recorded:
            result.failure = result.document["verdict"] == "apply"
            result.reasons.append(reason)
            return
    wanted = next((code for words, code in FAILURES.items() if words in recorded), None)
    ours = {issue["code"] for issue in result.document["issues"] if issue["severity"] == "block"}
    result.failure = wanted in ours and result.document["verdict"] == "refuse"
    if not result.failure:
        result.reasons.append(f"recorded failure {recorded!r}: wanted {wanted}, got {sorted(ours)}")


def _compare_money(result: Comparison) -> None:
    accounts = result.document["tie_out"].values()
    result.money = bool(accounts) and all(
        Decimal(account["difference"]) == 0 or account["explained"] for account in accounts
    )
    for account in accounts:
        if account["explained"]:
            result.reasons.append(account["explained"])
        elif Decimal(account["difference"]):
            result.reasons.append(f"unexplained difference {account['difference']}")


def _compare_schedule(result: Comparison) -> None:
    assert result.recording.run is not None
    recorded = [entry for entry in result.recording.run["results"] if "phases" in entry]
    invoices = [entry for entry in result.recording.run["results"] if entry.get("object") == "invoice"]
    if not recorded and not invoices:
        recorded = [s for s in result.recording.data["expected_schedule"] or [] if _of(s, result.recording.root)]
    if recorded:
        schedules = result.document["schedules"]
        ours = [phase for schedule in schedules for phase in schedule["phases"]]
        theirs = _initial_phases(recorded[0], result)
        _compare_phases(result, ours, theirs)
    elif invoices:
        _compare_invoice(result, invoices[0])


def _compare_invoice(result: Comparison, recorded: dict[str, Any]) -> None:
    lines = [line for invoice in result.document["invoices"] for line in invoice["lines"]]
    ours = Counter((line["product"], line["quantity"], Decimal(line["unit_amount"])) for line in lines)
    theirs = Counter(
        (line["salesforce_product2_id"], line["quantity"], Decimal(line["unit_amount_decimal"]))
        for line in recorded["lines"]
    )
    result.phases = ours == theirs
    if not result.phases:
        result.reasons.append(f"invoice lines: ours {ours}, recorded {theirs}")


def _of(schedule: dict[str, Any], root: str) -> bool:
    return str(schedule["metadata"].get("salesforce_order_id", ""))[:15] == root[:15]


def _initial_phases(schedule: dict[str, Any], result: Comparison) -> list[dict[str, Any]]:
    """Return the phases as the first order alone made them: an amendment in the same run cut the last one off."""
    root = result.recording.root[:15]
    phases = [p for p in schedule["phases"] if str(p["metadata"].get("salesforce_order_id", ""))[:15] == root]
    if len(phases) < len(schedule["phases"]):
        result.reasons.append("the recorded run amended the contract too; compared is its first order")
        phases[-1] = {**phases[-1], "end_date": schedule["phases"][-1]["end_date"]}
    return phases


def _compare_phases(result: Comparison, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    result.phases = True
    if [(p["start"], p["end"]) for p in ours] != [(p["start_date"][:10], p["end_date"][:10]) for p in theirs]:
        result.phases = False
        result.reasons.append(
            f"dates: ours {[(p['start'], p['end']) for p in ours]}, "
            f"recorded {[(p['start_date'][:10], p['end_date'][:10]) for p in theirs]}"
        )
        return
    agree = (result.recording.data["checks"].get("amounts") or {}).get("verdict") == "agree"
    for mine, recorded in zip(ours, theirs, strict=True):
        _compare_items(result, mine, recorded, amounts=agree)
        _compare_one_offs(result, mine, recorded)
        _compare_segment(result, mine, recorded)


def _compare_items(result: Comparison, mine: dict[str, Any], recorded: dict[str, Any], *, amounts: bool) -> None:
    def key(product: str, line: str, quantity: Any, amount: Any) -> tuple[Any, ...]:
        return (product, line[:15], quantity, Decimal(str(amount)) if amounts and amount is not None else None)

    ours = Counter(key(i["product"], i["lines"][0], i["quantity"], i["unit_amount"]) for i in mine["items"])
    theirs = Counter(
        key(i["salesforce_product2_id"], i["salesforce_order_item_id"], i["quantity"], i["unit_amount_decimal"])
        for i in recorded["items"]
    )
    if ours != theirs:
        result.phases = False
        result.reasons.append(f"items from {mine['start']}: ours {dict(ours)}, recorded {dict(theirs)}")


def _compare_one_offs(result: Comparison, mine: dict[str, Any], recorded: dict[str, Any]) -> None:
    ours = Counter((o["product"], o["quantity"]) for o in mine["one_off"])
    stubs = [o for o in recorded["add_invoice_items"] if (o["metadata"] or {}).get("salesforce_backend_proration")]
    theirs = Counter(
        (o["salesforce_product2_id"], o["quantity"]) for o in recorded["add_invoice_items"] if o not in stubs
    )
    if stubs:
        result.reasons.append(
            "the stub is an item of its own shorter interval instead of a one-off beside a whole period"
        )
    if ours != theirs:
        result.phases = False
        result.reasons.append(f"one-offs from {mine['start']}: ours {dict(ours)}, recorded {dict(theirs)}")


def _compare_segment(result: Comparison, mine: dict[str, Any], recorded: dict[str, Any]) -> None:
    held = recorded["metadata"]
    for name in ("salesforce_segment_index", "salesforce_segment_label"):
        if name in held and mine["metadata"].get(name) != held[name]:
            result.phases = False
            result.reasons.append(f"{name}: ours {mine['metadata'].get(name)!r}, recorded {held[name]!r}")
    keys = {i["metadata"].get("salesforce_segment_key") for i in recorded["items"]} - {None}
    keys |= {held["salesforce_segment_key"]} if "salesforce_segment_key" in held else set()
    ours = {item["metadata"].get("salesforce_segment_key") for item in mine["items"]} - {None}
    if keys and keys != ours:
        result.phases = False
        result.reasons.append(f"segment keys: ours {ours}, recorded {keys}")
