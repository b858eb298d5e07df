"""What is beside days, items and money: collection, coupons, metadata. Ours must have what is recorded, or more."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tests.corpus.overlay import GONE
from tests.corpus.recorded import TAKEN_OVER
from tests.corpus.result import Comparison

COUPON_GIVEN_ANEW = "recorded fault: a coupon that runs out is given anew in each phase"
COUPON_LOST = "recorded fault: coupons of the first order vanish with an amendment"
NO_TERMINATION_METADATA = GONE["sbc_termination."]

_TAKEN_OVER_MARK = "salesforce_pre_integration_order"
_TERMINATION_MARK = "salesforce_effective_termination_date"


def compare_settings(result: Comparison, schedule: dict[str, Any]) -> None:
    """Compare the settings of the schedule itself."""
    if not result.document["schedules"]:
        return
    ours, held = result.document["schedules"][0], schedule["default_settings"]
    invoice = held.get("invoice_settings") or {}
    for name, own, theirs in (
        ("collection_method", ours["collection_method"], held["collection_method"]),
        ("days_until_due", ours["days_until_due"], invoice.get("days_until_due")),
        ("end_behavior", ours["end_behavior"], schedule["end_behavior"]),
    ):
        if own != theirs:
            result.fault("phases", f"{name}: ours {own!r}, recorded {theirs!r}")
    compare_metadata(result, "schedule", ours["metadata"], schedule["metadata"])


def compare_metadata(result: Comparison, where: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    """Ask whether everything recorded is in ours; links depend on the CRM's address, which a records file has not."""
    missing = {key: value for key, value in theirs.items() if not key.endswith("_link") and ours.get(key) != value}
    if missing.pop(_TAKEN_OVER_MARK, None):
        result.explain("phases", TAKEN_OVER)
    for key in _termination_keys(result) & missing.keys():
        missing.pop(key)
        result.explain("phases", NO_TERMINATION_METADATA)
    if missing:
        result.fault("phases", f"metadata of the {where}: ours {dict(ours)}, recorded also {missing}")


def compare_coupons(result: Comparison, where: str, ours: Iterable[Any], theirs: Iterable[Any], *, first: bool) -> None:
    """Compare coupons by what they take off."""
    held = list(theirs)
    mine, recorded = Counter(map(_off, ours)), Counter(map(_off, held))
    if recorded - mine and all(one["duration"] != "forever" for one in held if _off(one) not in mine) and not first:
        result.explain("phases", COUPON_GIVEN_ANEW)
        recorded = recorded & mine
    if mine - recorded and not first:
        result.explain("phases", COUPON_LOST)
        mine = mine & recorded
    if mine != recorded:
        result.fault("phases", f"coupons of the {where}: ours {dict(mine)}, recorded {dict(recorded)}")


def _off(coupon: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    percent, amount = coupon["percent_off"], coupon["amount_off"]
    return (
        None if percent is None else Decimal(str(percent)).normalize(),
        None if amount is None else Decimal(str(amount)).normalize(),
    )


def _termination_keys(result: Comparison) -> set[str]:
    config = result.recording.data["config"]
    fields = [config.get("field_defaults") or {}, config.get("field_mappings") or {}]
    targets = (target for owners in fields for own in owners.values() for target in own)
    start = "sbc_termination.metadata."
    return {target.removeprefix(start) for target in targets if target.startswith(start)} | {_TERMINATION_MARK}
