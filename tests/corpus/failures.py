"""What a recorded failure must be on our side: an issue with the right code, or something that can be billed today."""

from connector.domain.issues import IssueCode
from tests.corpus.overlay import TEMPLATE
from tests.corpus.result import Comparison

#: Which of our issues a recorded failure must show as: words of the recorded message → our code.
_CODES = {
    "required fields are missing": IssueCode.START_MISSING,
    "metered billing cannot have a quantity": IssueCode.QUANTITY_METERED,
    "found that it was deleted": IssueCode.CUSTOMER_DELETED,
    "does not match the customer currency": IssueCode.CUSTOMER_CURRENCY,
    "catch all tier": IssueCode.TIERS_OPEN,
    "parameter tiers must be set": IssueCode.TIERS_MISSING,
}
#: Recorded failures of what Stripe can do today, so that refusing would be wrong.
_ALLOWED = {
    "missing: sbqq__quote__c.sbqq__subscriptionterm__c": "lines that end by themselves need no term of their quote",
    "prices must have the same `interval`": "monthly and yearly lines are two linked schedules, shown as one contract",
    "must coterminate": "an amendment ends when its lines end, whatever term its quote names",
    "does not equal number of whole months": "an amendment may be any number of months and days long",
    "price multiplier differs": "an amendment in the middle of a period is billed in the CRM's own precision",
    "segment dates do not match": "an amendment may begin in the middle of a segment",
    "passed `nil` into t.must": "a line may name a line of an earlier contract; what adds needs nothing to revise",
    "equal to 1": "a line without an end is billed at its price for a month, whatever term it is priced for",
    "to orders of type 'evergreen'": "lines that end run beside lines without an end",
    "evergreen order that has not started": "a contract without an end can change before it begins",
    "pre-integration order": "contracts from before the connector are taken over, the past by policy (backdated_start)",
}
#: Recorded failures that our mapping file cannot even ask for.
_REFUSED_EARLIER = {"no such invoice rendering template": TEMPLATE}
_DRAFT = "a draft amendment is left out with a warning until it is activated; it does not hold up the contract"


def recorded_message(result: Comparison) -> str:
    """Return everything the recorded connector said about the failure, in lower case."""
    run = result.recording.run
    told = [str(record["message"]) for record in run["sync_records"]] if run else []
    for error in result.recording.data["expect"].get("errors") or ():
        messages = error["message"]
        told += [str(text) for text in (messages if isinstance(messages, list) else [messages])]
    return " ".join(told).lower()


def compare_failure(result: Comparison) -> None:
    """Judge a recorded failure."""
    blocking = {issue["code"] for issue in result.document["issues"] if issue["severity"] == "block"}
    refused = result.document["verdict"] == "refuse"
    told = recorded_message(result)
    code = next((code for words, code in _CODES.items() if words in told), None)
    if reason := next((reason for words, reason in _ALLOWED.items() if words in told), None):
        result.failure = result.document["verdict"] == "apply"
        result.explain("failure", reason)
    elif code is not None:
        result.failure = refused and code in blocking
    elif reason := next((reason for words, reason in _REFUSED_EARLIER.items() if words in told), None):
        result.failure = reason in result.notes
        result.explain("failure", reason)
    elif "custom order filters" in told:
        result.failure = any(issue["code"] == IssueCode.REVISION_NOT_ACTIVE for issue in result.document["issues"])
        result.explain("failure", _DRAFT)
    if not result.failure:
        result.fault("failure", f"recorded {told!r}: wanted {code}, got {sorted(blocking)}")
