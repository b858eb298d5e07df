"""One bad contract never stops another: a bug at any stage is that contract's failure, and the others are billed."""

import logging
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from connector import record, sync, tell
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.journal import JournalError
from tests.wiring import World

NAMES = ("ramp", "quarters", "months")


def breaks(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, broken: str, error: Exception) -> None:
    """Let a function of the pipeline fail when it comes to one contract."""
    right = getattr(module, name)

    def wrong(*args: Any, **kwargs: Any) -> Any:
        raw = next((arg for arg in args if hasattr(arg, "revisions") and hasattr(arg, "root")), None)
        raw = raw or next((arg.raw for arg in args if hasattr(arg, "raw")), None)
        raw = raw or next((arg.planned.raw for arg in args if hasattr(arg, "planned")), None)
        known = any(getattr(arg, "bug", None) for arg in args)  # what is told of the bug is not the bug
        if raw is not None and raw.root.id == broken and not known:
            raise error
        return right(*args, **kwargs)

    monkeypatch.setattr(module, name, wrong)


@pytest.mark.parametrize(
    "place", [(sync, "plan_contract"), (sync, "_applied"), (tell, "write_backs"), (record, "_plan")]
)
@pytest.mark.parametrize("error", [KeyError("secret of a customer"), JournalError("key used for another body")])
def test_a_bug_stops_its_contract_only(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: tuple[Any, str],
    error: Exception,
):
    breaks(monkeypatch, *place, world.orders["quarters"], error)
    desk = world.desk()
    with caplog.at_level(logging.ERROR):
        results = {one.planned.raw.root.id: one for one in world.sync(desk, *NAMES)}
    assert {world.orders[n]: "failed" if n == "quarters" else "applied" for n in NAMES} == {
        order: one.outcome for order, one in results.items()
    }
    (failure,) = desk.account.journal.failures(desk.name)
    assert (failure.kind, failure.record, failure.due_at) == ("bug", world.orders["quarters"], None)
    assert failure.error.startswith(f"unexpected {type(error).__name__} in test_contained.py, line ")
    assert "secret" not in failure.error
    state = desk.account.journal.contract(desk.name, failure.contract_key)
    assert state is not None
    assert state.outcome == "failed"
    assert "unexpected error; the other contracts go on" in caplog.text
    assert "Traceback" in caplog.text
    monkeypatch.undo()
    (again,) = world.sync(desk, "quarters")
    assert again.outcome in {"applied", "nothing"}
    assert desk.account.journal.failures(desk.name) == ()


def test_people_read_on_the_order_that_it_is_not_their_fault(world: World, monkeypatch: pytest.MonkeyPatch):
    breaks(monkeypatch, sync, "plan_contract", world.orders["ramp"], ZeroDivisionError())
    world.sync(world.desk(), "ramp")
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert order["Stripe_Sync_Status__c"] == "Failed"
    assert order["Stripe_Sync_Message__c"].startswith("UNEXPECTED: unexpected ZeroDivisionError")
    assert "whoever runs the connector" in order["Stripe_Sync_Remedy__c"]


@pytest.mark.parametrize(
    "error",
    [ConfigError("key revoked"), RetryableError("the CRM is away"), OperationalError("disk full", None, Exception())],
)
def test_what_concerns_all_stops_all(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception):
    breaks(monkeypatch, sync, "plan_contract", world.orders["quarters"], error)
    with pytest.raises(type(error)):
        world.sync(world.desk(), *NAMES)


def test_a_refusal_that_nobody_expected_is_the_contracts_own(world: World, monkeypatch: pytest.MonkeyPatch):
    breaks(monkeypatch, tell, "write_backs", world.orders["ramp"], RejectedError("no", vendor="stripe"))
    (result,) = world.sync(world.desk(), "ramp")
    assert (result.outcome, result.planned.bug is not None) == ("failed", True)
