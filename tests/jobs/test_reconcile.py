"""The nightly jobs: what they find is an alarm in the log, once; without findings they are quiet."""

import logging
import threading
from datetime import timedelta

import pytest

from connector.app import App
from connector.cli.playground import Playground
from connector.sandbox.http import FaultRule
from connector.sweep import last_sweep
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from tests.by_hand import set_quantities
from tests.wired import sync


def schedule(app: App, order: str) -> str:
    links = app.journal.contract_links("salesforce", order)
    return next(link.stripe_id for link in links if link.kind == "subscription_schedule")


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_finding_is_one_alarm(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    sync(app, stop)
    reconcile(app, stop)
    assert errors(caplog) == []
    assert "reconciled: 14 schedules in Stripe, 14 links, 0 findings" in caplog.messages
    order = playground.orders["ramp"]
    key = schedule(app, order)
    set_quantities(playground.stripe.client(), key, {1: 36})
    reconcile(app, stop)
    words = "edited: phases.1.items.0.quantity is 36, we had applied 35"
    assert errors(caplog) == [f"connection salesforce: {key} of contract {order}: {words}"]
    reconcile(app, stop)
    assert len(errors(caplog)) == 1
    assert caplog.messages[-1] == "reconciled: 14 schedules in Stripe, 14 links, 1 findings"


def test_a_vendor_that_is_away_is_tried_again(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    sync(app, stop)
    playground.stripe.inject(FaultRule("GET", "/v1/subscription_schedules", status=400, times=None))
    reconcile(app, stop)
    (line,) = errors(caplog)
    assert line == "Stripe could not be reconciled; it is tried again at the next slot"


def test_told_to_stop_it_ends_after_the_page_in_hand(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    sync(app, stop)

    class WhileReading(threading.Event):
        """An event that is set when it is asked for the second time."""

        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 1

    set_quantities(playground.stripe.client(), schedule(app, playground.orders["ramp"]), {1: 36})
    reconcile(app, WhileReading())
    assert caplog.messages[-1] == "told to stop; Stripe is reconciled at the next slot"
    assert app.journal.findings("salesforce") == ()


def test_a_sweep_waits_for_the_first_sync_and_is_deep_now_and_then(
    app: App, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    sweep(app, stop)
    assert caplog.messages == ["connection salesforce: no sweep before the first sync has read everything"]
    sync(app, stop)
    sweep(app, stop)
    first = last_sweep(app.desk())
    assert first is not None
    assert first.deep_at == first.at
    assert errors(caplog) == []
    sweep(app, stop)
    second = last_sweep(app.desk())
    assert second is not None
    assert second.deep_at == first.at < second.at
    assert caplog.messages[-1] == "connection salesforce: sweep of 20 records: 0 changed, 0 by another mapping, 0 gone"


def test_what_no_poll_has_told_is_an_alarm(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    sync(app, stop)
    sweep(app, stop)
    order = playground.orders["ramp"]
    ((key, stamp),) = app.journal.stamps("salesforce", [order]).items()
    stored = app.journal.cursor("salesforce", "contracts")
    assert stored is not None
    value = {**stored.value, "again": (app.desk().clock() + timedelta(days=1)).isoformat()}
    app.journal.save_cursor("salesforce", "contracts", value, app.desk().clock())
    app.journal.forget_stamps("salesforce", [key])
    sweep(app, stop)
    assert errors(caplog) == ["connection salesforce: found by sweep: 1 records that no poll has told"]
    assert app.journal.stamps("salesforce", [order])[order].stamp is not None
    assert stamp.root == order
