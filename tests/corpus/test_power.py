"""The comparison sees what is wrong: schedules are spoiled on their way to Stripe, and every way of it is found."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from connector.billing import apply
from connector.billing.client import StripeApi
from tests.corpus.compare import play
from tests.corpus.recordings import ROOT, Recording, available, recordings

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not available(), reason=f"the recordings are not at {ROOT}; set CONNECTOR_CORPUS"),
]
Phase = Mapping[str, Any]


def more_seats(phase: Phase) -> Phase:
    more = [{**item, "quantity": item["quantity"] + 1} if "quantity" in item else item for item in phase["items"]]
    return {**phase, "items": more}


def another_line(phase: Phase) -> Phase:
    other = {"salesforce_order_item_id": "802000000000000"}
    return {**phase, "items": [{**item, "metadata": {**item["metadata"], **other}} for item in phase["items"]]}


def no_segment(phase: Phase) -> Phase:
    kept = {name: value for name, value in phase["metadata"].items() if "segment" not in name}
    return {**phase, "metadata": kept}


def nothing_once(phase: Phase) -> Phase:
    return {**phase, "add_invoice_items": []}


def no_coupons(phase: Phase) -> Phase:
    return {**phase, "discounts": [], "items": [{**item, "discounts": []} for item in phase["items"]]}


def chosen(kind: str) -> list[Recording]:
    """Return a few recordings of a kind."""
    return [one for one in recordings(kind) if one.outcome == "success"][:4]


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("initial", more_seats),
        ("initial", another_line),
        ("mdq", no_segment),
        ("proration_amendment", nothing_once),
        ("coupon", no_coupons),
    ],
)
def test_a_spoiled_schedule_is_found(monkeypatch: pytest.MonkeyPatch, kind: str, spoil: Callable[[Phase], Phase]):
    send = StripeApi.post

    def spoiled(self: StripeApi, path: str, params: Mapping[str, Any], *, idempotency_key: str) -> Any:
        if "phases" in params:
            params = {**params, "phases": [spoil(phase) for phase in params["phases"]]}
        return send(self, path, params, idempotency_key=idempotency_key)

    monkeypatch.setattr(StripeApi, "post", spoiled)
    monkeypatch.setattr(apply._Worker, "_prove", lambda *_: None)
    faults = [fault for recording in chosen(kind) for result in play(recording) for fault in result.faults]
    assert faults


@pytest.mark.parametrize("kind", ["initial", "mdq"])
def test_what_is_not_spoiled_is_not_found(kind: str):
    assert not [fault for recording in chosen(kind) for result in play(recording) for fault in result.faults]
