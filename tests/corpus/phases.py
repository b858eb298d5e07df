"""Our phases against recorded ones: days, items, quantities, segments; amounts where the recording's are right."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.corpus.recorded import OUT_OF_ORDER, Phase, recorded_phases
from tests.corpus.result import Comparison
from tests.corpus.settings import compare_coupons, compare_metadata

STUB = "the stub is an item of its own shorter interval instead of a one-off beside a whole period"
LINE_DATES = "the line's own dates count: the quote's term was entered after the order was made, and not for its lines"
ROUNDED = "the recorded price is divided back from a rounded one; the sum is the same"
UNTRUSTED = "recorded amounts that its own check does not confirm: days and quantities are compared, money with the CRM"


def compare_phases(result: Comparison, schedule: dict[str, Any]) -> None:
    """Compare the phases of all our schedules with the recorded ones."""
    theirs = recorded_phases(schedule, result)
    if not result.recording.agrees:
        result.notes.append(UNTRUSTED)
    result.phases = True
    compare_lists(result, _our_phases(result), theirs)


def compare_lists(result: Comparison, ours: list[Phase], theirs: list[Phase]) -> None:
    """Compare phases one by one, when they begin and end on the same days."""
    mine, recorded = ([(phase.start, phase.end) for phase in phases] for phases in (ours, theirs))
    if mine != recorded and not _quote_outlives_lines(result, ours, theirs):
        result.fault("phases", f"days: ours {mine}, recorded {recorded}")
        return
    for one, other in zip(ours, theirs, strict=True):
        _compare_items(result, one, other)
        _compare_segment(result, one, other)
        _compare_order(result, one, other)
        _compare_extras(result, one, other, first=one is ours[0])


def _our_phases(result: Comparison) -> list[Phase]:
    phases = [
        Phase(
            held["start"],
            held["end"],
            tuple(held["items"]),
            {**held["metadata"], "index": held["segment_index"], "label": held["segment_label"]},
            tuple(held["discounts"]),
        )
        for schedule in result.document["schedules"]
        for held in schedule["phases"]
    ]
    if OUT_OF_ORDER not in result.explained.get("phases", ()):
        return phases
    today = result.recording.now[:10]
    return [replace(phase, start=max(phase.start, today)) for phase in phases if phase.end > today]


def _quote_outlives_lines(result: Comparison, ours: list[Phase], theirs: list[Phase]) -> bool:
    """Tell whether the recorded schedule goes on to the quote's end, though every line says that it ends before."""
    ends = {str(line.get("EndDate") or "9999") for line in result.recording.table("OrderItem").values()}
    longer = len(ours) == len(theirs) and ours[:-1] == theirs[:-1] and ours[-1].start == theirs[-1].start
    if longer and ours[-1].end < theirs[-1].end and all(end < ours[-1].end for end in ends):
        result.explain("phases", LINE_DATES)
        return True
    return False


def _compare_items(result: Comparison, mine: Phase, recorded: Phase) -> None:
    lines = {(item["product"], item["quantity"]): item["lines"][0] for item in mine.items}
    ours: dict[tuple[Any, ...], list[Decimal]] = {}
    theirs: dict[tuple[Any, ...], list[Decimal]] = {}
    for item in mine.items:
        key = (item["product"], item["lines"][0][:15], item["quantity"])
        ours.setdefault(key, []).append(_amount(item["unit_amount"]))
    for item in recorded.items:
        product = item["salesforce_product2_id"]
        line = item["salesforce_order_item_id"] or lines.get((product, item["quantity"]), "")
        key = (product, line[:15], item["quantity"])
        theirs.setdefault(key, []).append(_amount(item["unit_amount_decimal"]))
    if Counter({k: len(v) for k, v in ours.items()}) != Counter({k: len(v) for k, v in theirs.items()}):
        result.fault("phases", f"items from {mine.start}: ours {ours}, recorded {theirs}")
    elif result.recording.agrees and LINE_DATES not in result.explained.get("phases", ()):
        _compare_amounts(result, mine.start, ours, theirs)


def _compare_amounts(
    result: Comparison,
    start: str,
    ours: Mapping[tuple[Any, ...], list[Decimal]],
    theirs: Mapping[tuple[Any, ...], list[Decimal]],
) -> None:
    for key, amounts in ours.items():
        for mine, recorded in zip(sorted(amounts), sorted(theirs[key]), strict=True):
            if mine == recorded:
                continue
            if abs(mine - recorded) < 1:
                result.explain("phases", ROUNDED)
            else:
                result.fault("phases", f"price of {key} from {start}: ours {mine}, recorded {recorded}")


def _amount(value: Any) -> Decimal:
    return Decimal(-1) if value is None else Decimal(str(value))


def _compare_segment(result: Comparison, mine: Phase, recorded: Phase) -> None:
    for name in ("index", "label"):
        held = recorded.metadata.get(f"salesforce_segment_{name}")
        own = mine.metadata.get(name)
        if held is not None and str(own) != held:
            result.fault("phases", f"segment {name} from {mine.start}: ours {own!r}, recorded {held!r}")
    wanted = {item["metadata"].get("salesforce_segment_key") for item in recorded.items} - {None}
    wanted |= {recorded.metadata.get("salesforce_segment_key")} - {None}
    keys = {item["metadata"].get("salesforce_segment_key") for item in mine.items} - {None}
    sent = any(item["metadata"] for item in mine.items)  # phases that were over are not sent, and have no metadata
    if wanted and sent and keys != wanted:
        result.fault("phases", f"segment keys from {mine.start}: ours {keys}, recorded {wanted}")


def _compare_order(result: Comparison, mine: Phase, recorded: Phase) -> None:
    own, held = (phase.metadata.get("salesforce_order_id") for phase in (mine, recorded))
    if own and held and own[:15] != held[:15]:
        result.fault("phases", f"order of the phase from {mine.start}: ours {own}, recorded {held}")


def _compare_extras(result: Comparison, mine: Phase, recorded: Phase, *, first: bool) -> None:
    """Compare the coupons of the phase, and coupons and metadata of its items."""
    compare_coupons(result, f"phase from {mine.start}", mine.discounts, recorded.discounts, first=first)
    held = {str(item["salesforce_order_item_id"])[:15]: item for item in recorded.items}
    for item in mine.items:
        line = item["lines"][0][:15]
        if line in held:
            compare_coupons(result, f"line {line}", item["discounts"], held[line]["discounts"], first=first)
            if item["metadata"]:
                compare_metadata(result, f"line {line}", item["metadata"], held[line]["metadata"])
