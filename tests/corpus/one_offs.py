"""Amounts billed once: ours against those of all recorded runs, as the recorded connector clears what was billed."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from connector.domain.money import round_minor, to_minor
from tests.corpus.phases import STUB
from tests.corpus.recorded import order_of
from tests.corpus.result import Comparison

PASSED = "periods that had passed: one recorded one-off, periods of a recurring item here; the sum is the CRM's"
CREDIT_OFF = "no credit is recorded because the feature was off; the CRM's totals ask for it"
CREDIT_WHOLE_PERIOD = "recorded fault: a credit for a period that was never billed; the CRM's totals know of none"

_CREDIT_FEATURES = {"terminated_order_item_credit", "quantity_reduction_order_item_credit"}
_Key = tuple[str, int | None, Decimal | None]


def compare_one_offs(result: Comparison, schedule: dict[str, Any]) -> None:
    """Compare what is billed once over the whole contract: charges line by line, credits product by product."""
    ours = [entry for held in result.document["schedules"] for phase in held["phases"] for entry in phase["one_off"]]
    theirs = list(_recorded(result, schedule))
    _compare_charges(result, ours, theirs)
    _compare_credits(result, ours, theirs)


def _recorded(result: Comparison, schedule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every recorded one-off once; a stub beside whole periods is an item on our side."""
    runs = [entry for run in result.recording.runs for entry in run["results"] if entry["id"] == schedule["id"]]
    met = set()
    for phase in (phase for entry in (*runs, schedule) for phase in entry.get("phases", ())):
        for entry in phase["add_invoice_items"]:
            if (entry["metadata"] or {}).get("salesforce_backend_proration"):
                result.explain("phases", STUB)
                continue
            amount = Decimal(entry["unit_amount_decimal"])
            # One line is charged once; credits of one line may be several, each by its own amendment.
            key = (entry["salesforce_order_item_id"], entry["quantity"], amount, order_of(phase) if amount < 0 else "")
            if key not in met:
                met.add(key)
                yield entry


def _compare_charges(result: Comparison, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    agree = result.recording.agrees

    def key(line: str, quantity: Any, amount: Any) -> _Key:
        return (line[:15], quantity, Decimal(str(amount)) if agree else None)

    mine = Counter(
        key(entry["lines"][0], entry["quantity"], entry["unit_amount"])
        for entry in ours
        if Decimal(entry["unit_amount"]) >= 0
    )
    recorded = Counter(
        key(entry["salesforce_order_item_id"], entry["quantity"], entry["unit_amount_decimal"])
        for entry in theirs
        if Decimal(entry["unit_amount_decimal"]) >= 0
    )
    for line in {held[0] for held in (mine - recorded) + (recorded - mine)}:
        if any(held[0] == line for held in recorded - mine) and _line_ties_out(result, line):
            result.explain("phases", PASSED)
        else:
            result.fault("phases", f"one-offs of {line}: ours {mine - recorded}, recorded {recorded - mine}")


def _line_ties_out(result: Comparison, line: str) -> bool:
    """Tell whether our bills of one line come to the CRM's total of it."""
    total = result.recording.line(line).get("TotalPrice")
    charges = [charge for bill in result.document["billing"] for charge in bill["charges"]]
    billed = sum(Decimal(charge["amount"]) for charge in charges if charge["line"][:15] == line)
    currency = result.document["contract"]["currency"]
    return total is not None and billed == round_minor(to_minor(Decimal(str(total)), currency))


def _compare_credits(result: Comparison, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    mine = _sums((entry["product"], entry["quantity"], entry["unit_amount"]) for entry in ours)
    recorded = _sums(
        (entry["salesforce_product2_id"], entry["quantity"], entry["unit_amount_decimal"]) for entry in theirs
    )
    for product in mine.keys() | recorded.keys():
        own, held = mine.get(product, Decimal(0)), recorded.get(product, Decimal(0))
        if own == held:
            continue
        if not held and _CREDIT_FEATURES - result.recording.features:
            result.explain("phases", CREDIT_OFF)
        elif not own and result.money and not result.recording.agrees:
            result.explain("phases", CREDIT_WHOLE_PERIOD)
        elif result.recording.agrees or not result.money:
            result.fault("phases", f"credit for {product}: ours {own}, recorded {held}")


def _sums(entries: Iterator[tuple[str, Any, str]]) -> Mapping[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for product, quantity, amount in entries:
        if Decimal(amount) < 0:
            sums[product] += Decimal(amount) * quantity
    return sums
