"""Whatever is wrong is told once, by a real webhook and a real mail server; and no delivery stops the work."""

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from connector.alerts import KINDS, alert_round, check_audit, send_test
from connector.alerts.channels import DeliveryError, Mail, Message, Webhook
from connector.app import App, build_app
from connector.cli.playground import Playground
from connector.config.secrets import SecretRef
from connector.domain.errors import ConfigError
from connector.journal import ContractState, Finding, Intent
from connector.logs import Text
from connector.reports.facts import Breaker, Signals
from jobs.alerts import alerts
from jobs.reconcile import reconcile
from tests.by_hand import set_quantities
from tests.ops.conftest import Clock, MailServer, Receiver
from tests.wired import sync

PASSWORD = "pw-0123456789"


@pytest.fixture
def alerting(
    playground: Playground, config_file: Path, clock: Clock, receiver: Receiver, mail_server: MailServer
) -> Iterator[App]:
    """The app, with both channels configured."""
    for name, secret in (("hook", receiver.url), ("smtp", PASSWORD)):
        (config_file.parent / name).write_text(secret)
        (config_file.parent / name).chmod(0o600)
    text = f"""
[alerts]
webhook = "file:hook"
smtp_host = "127.0.0.1"
smtp_port = {mail_server.port}
smtp_security = "none"
smtp_user = "connector"
smtp_password = "file:smtp"
mail_from = "connector@acme.example"
mail_to = "ops@acme.example, billing@acme.example"
runbook = "https://runbooks.acme.example/connector"
"""
    config_file.write_text(config_file.read_text() + text)
    with build_app(playground.config(config_file), clock=clock, upgrade=True) as made:
        yield made


def state(app: App, record: str, clock: Clock, **changes: Any) -> None:
    """Say in the journal how a contract stands."""
    values: dict[str, Any] = {
        "connection": "salesforce",
        "contract_key": record,
        "record": record,
        "account_key": "A",
        "source_hash": "",
        "outcome": "failed",
        "status": {},
        "next_change": None,
        "updated_at": clock(),
        "since": clock(),
    }
    app.journal.save_contract(ContractState(**(values | changes)))


def fine(app: App, clock: Clock) -> None:
    """Let the stream be read just now, so that nothing lags."""
    app.journal.save_cursor("salesforce", "contracts", {}, clock())


# --- one example of each kind of trouble ------------------------------------------------------------


def bug(app: App, clock: Clock) -> App:
    worth = {"code": "NOT_CONVERGED", "error": "does not hold what was sent", "currency": "usd", "value": "120000"}
    state(app, "801A", clock, status=worth)
    return app


def dead_letters(app: App, _: Clock) -> App:
    return replace(app, signals=Signals(dead=lambda _: {"fix_data": 3, "bug": 1}))


def old_failure(app: App, clock: Clock) -> App:
    state(app, "801A", clock, outcome="refused", since=clock() - timedelta(hours=25))
    state(app, "801B", clock, outcome="refused")
    return app


def lag(app: App, clock: Clock) -> App:
    app.journal.save_cursor("salesforce", "contracts", {}, clock() - timedelta(minutes=31))
    return app


def window_short(app: App, clock: Clock) -> App:
    day = clock().date()
    window = {"schedule": "801A", "phases": 36, "held": 10, "until": (day + timedelta(20)).isoformat()}
    window |= {"extend": (day - timedelta(25)).isoformat(), "short": day.isoformat()}
    state(app, "801A", clock, outcome="applied", status={"windows": [window]})
    return app


def drift(app: App, clock: Clock) -> App:
    state(app, "801D", clock, outcome="pending", status={"code": "DRIFT", "message": "edited"})
    return app


def breaker_open(app: App, clock: Clock) -> App:
    since = clock() - timedelta(minutes=11)
    return replace(app, signals=Signals(breakers=lambda: (Breaker("stripe", "*", since, "503"),)))


def audit_broken(app: App, clock: Clock) -> App:
    app.journal.record_audit("ann", "approved", {}, clock())
    with app.journal._engine.begin() as database:
        database.exec_driver_sql("DROP TRIGGER audit_no_update")
        database.exec_driver_sql("UPDATE audit SET actor = 'somebody'")
    check_audit(app.journal, clock())
    return app


def open_intents(app: App, clock: Clock) -> App:
    intent = Intent(
        run_id=None,
        connection="salesforce",
        contract_key="801A",
        account_key="A",
        kind="customer",
        key="A",
        verb="create",
        idempotency_key="cn_1",
        body_hash="b",
        applied_hash="a",
        applied={},
    )
    app.journal.record_intent(intent, clock() - timedelta(minutes=61))
    return app


def found_by_sweep(app: App, clock: Clock) -> App:
    run = app.journal.start_run("sweep", "salesforce", clock(), mapping_hash="", config_hash="")
    app.journal.finish_run(run.id, {"applied": 2, "found_by_sweep": 2}, clock())
    return app


def reconciled(app: App, clock: Clock) -> App:
    app.journal.replace_findings("salesforce", [found_in_stripe("sub_sched_1", clock)])
    return app


def found_in_stripe(subject: str, clock: Clock, kind: str = "ended", contract: str = "801A") -> Finding:
    return Finding(
        connection="salesforce",
        kind=kind,
        subject=subject,
        contract_key=contract,
        detail="it is canceled, and was to bill until 2029-12-01",
        found_at=clock(),
        seen_at=clock(),
    )


TROUBLE: dict[str, tuple[Callable[[App, Clock], App], str]] = {
    "bug": (bug, "1 contract failed in a way nobody foresaw: 801A; at stake 1,200.00 USD"),
    "dead_letters": (dead_letters, "4 contracts wait for people: 1 bug, 3 fix_data"),
    "old_failure": (old_failure, "1 contract is not right for more than 24 hours: 801A"),
    "lag": (lag, "the CRM was read last 31 minutes ago"),
    "window_short": (window_short, "1 contract has fewer phases in Stripe than it should: 801A"),
    "drift": (drift, "1 contract was edited in Stripe by hand: 801D"),
    "breaker_open": (breaker_open, "stripe is away: 503"),
    "audit_broken": (audit_broken, "the audit chain is broken: row 1 was changed"),
    "open_intents": (open_intents, "1 write to Stripe has no answer"),
    "reconcile": (reconciled, "1 schedule in Stripe is not what was applied: sub_sched_1 ended"),
    "found_by_sweep": (found_by_sweep, "the last sweep found what no poll had seen: 2"),
}


def test_there_is_an_example_of_every_kind():
    assert set(TROUBLE) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_with_what_since_when_and_what_to_do(
    alerting: App, clock: Clock, receiver: Receiver, mail_server: MailServer, kind: str
):
    make, what = TROUBLE[kind]
    fine(alerting, clock)
    assert alert_round(alerting) == (), "nothing is wrong yet"
    (incident,) = alert_round(make(alerting, clock))
    assert incident.kind == kind
    (text,) = receiver.texts
    (mail,) = mail_server.mails
    for told in (text, message_from_string(mail, policy=default).get_content()):
        assert f"What: {what}" in told
        assert "Since: 20" in told
        assert f"What to do: {KINDS[kind].remedy}" in told
        assert f"More: https://runbooks.acme.example/connector#alert-{kind.replace('_', '-')}" in told
    assert message_from_string(mail)["Subject"].startswith(f"[connector] {KINDS[kind].title}")
    assert text.startswith(f"*[connector] {KINDS[kind].title}")


def test_it_is_told_once_reminded_and_closed(alerting: App, clock: Clock, receiver: Receiver):
    lag(alerting, clock)
    for _ in range(5):
        alert_round(alerting)
        clock.turn(minutes=1)
    assert len(receiver.texts) == 1
    clock.turn(hours=24)
    alert_round(alerting)
    assert len(receiver.texts) == 2
    assert receiver.texts[1].startswith("*[connector] still: A connection is behind (salesforce)*")
    fine(alerting, clock)
    alert_round(alerting)
    clock.turn(minutes=9)
    fine(alerting, clock)
    assert len(alert_round(alerting)) == 1, "it may come back"
    clock.turn(minutes=1)
    fine(alerting, clock)
    assert alert_round(alerting) == ()
    assert receiver.texts[2].startswith("*[connector] over: A connection is behind (salesforce)*")
    assert "after 24 hours" in receiver.texts[2]
    clock.turn(hours=48)
    fine(alerting, clock)
    alert_round(alerting)
    assert len(receiver.texts) == 3


def test_trouble_that_comes_and_goes_is_one_incident(alerting: App, clock: Clock, receiver: Receiver):
    for _ in range(6):
        lag(alerting, clock)
        alert_round(alerting)
        clock.turn(minutes=5)
        fine(alerting, clock)
        alert_round(alerting)
    assert len(receiver.texts) == 1


def test_what_goes_wrong_together_is_one_message(alerting: App, clock: Clock, receiver: Receiver):
    for make in (lag, bug, drift):
        make(alerting, clock)
    assert len(alert_round(alerting)) == 3
    (text,) = receiver.texts
    assert text.startswith("*[connector] 3 alerts: failures that are a bug, edited in stripe by hand, a connection is")
    assert text.count("What to do: ") == 3


def test_a_hundred_failing_contracts_are_one_incident_that_names_five(alerting: App, clock: Clock, receiver: Receiver):
    fine(alerting, clock)
    for number in range(100):
        state(alerting, f"801{number:03}", clock, status={"code": "NOT_CONVERGED"})
    alert_round(alerting)
    (text,) = receiver.texts
    assert "100 contracts failed in a way nobody foresaw: 801000, 801001, 801002, 801003, 801004 and 95 more" in text


def test_no_name_of_a_customer_leaves_the_house(
    alerting: App, playground: Playground, receiver: Receiver, clock: Clock
):
    sync(alerting, threading.Event())
    clock.turn(hours=30)
    alert_round(alerting)
    (text,) = receiver.texts
    assert "4 contracts are not right for more than 24 hours" in text
    assert not any(str(one["Name"]) in text for one in playground.salesforce.records("Account").values())


def test_a_paused_connection_does_not_lag(alerting: App, clock: Clock):
    lag(alerting, clock)
    assert alert_round(replace(alerting, signals=Signals(paused=lambda _: "maintenance"))) == ()


def test_what_reconcile_finds_is_told_until_it_is_put_right(
    alerting: App, playground: Playground, clock: Clock, receiver: Receiver
):
    stop = threading.Event()
    sync(alerting, stop)
    stripe, order = playground.stripe.client(), playground.orders["ramp"]
    key = alerting.journal.link("salesforce", "subscription_schedule", order)
    assert key is not None

    def round_after_reconcile() -> list[str]:
        reconcile(alerting, stop)
        return [one.what for one in alert_round(alerting) if one.kind == "reconcile"]

    assert round_after_reconcile() == []
    set_quantities(stripe, key.stripe_id, {1: 36})
    told = len(receiver.texts)
    for _ in range(2):
        assert round_after_reconcile() == [f"1 schedule in Stripe is not what was applied: {key.stripe_id} edited"]
    assert len(receiver.texts) == told + 1, "once"
    set_quantities(stripe, key.stripe_id, {1: 35})
    assert len(round_after_reconcile()) == 1, "it may come back"
    clock.turn(minutes=11)
    assert round_after_reconcile() == []
    assert "over: Stripe is not what was applied (salesforce)" in receiver.texts[-1]


def test_an_edit_that_waits_for_a_decision_is_told_once_and_other_findings_all_the_same(alerting: App, clock: Clock):
    fine(alerting, clock)
    drift(alerting, clock)
    edited = found_in_stripe("sub_sched_1", clock, "edited", "801D")
    alerting.journal.replace_findings("salesforce", [edited])
    assert [one.kind for one in alert_round(alerting)] == ["drift"]
    many = [found_in_stripe(f"sub_sched_{number}", clock, "unknown", "") for number in range(2, 9)]
    alerting.journal.replace_findings("salesforce", [edited, *many])
    named = ", ".join(f"sub_sched_{number} unknown" for number in range(2, 7))
    told = {one.kind: one.what for one in alert_round(alerting)}
    assert told["reconcile"] == f"7 schedules in Stripe are not what was applied: {named} and 2 more"


# --- delivery ---------------------------------------------------------------------------------------


def test_a_channel_that_fails_is_tried_again_and_the_others_go_on(
    alerting: App, clock: Clock, receiver: Receiver, mail_server: MailServer, caplog: pytest.LogCaptureFixture
):
    receiver.status = 503
    lag(alerting, clock)
    alerts(alerting, threading.Event())
    assert (len(receiver.texts), len(mail_server.mails)) == (0, 1)
    (unsent,) = alerting.journal.unsent_notices()
    assert (unsent.channel, unsent.attempts, unsent.error) == (
        "webhook",
        1,
        "the webhook answered 503: said the receiver",
    )
    assert any("alerts could not be sent by webhook, next try in 0:01:00" in message for message in caplog.messages)
    alerts(alerting, threading.Event())
    assert alerting.journal.unsent_notices()[0].attempts == 1, "not before its time"
    for minutes in (1, 2, 4):
        clock.turn(minutes=minutes)
        alerts(alerting, threading.Event())
    assert alerting.journal.unsent_notices()[0].attempts == 4
    receiver.status = 200
    clock.turn(minutes=8)
    alerts(alerting, threading.Event())
    assert (len(receiver.texts), len(mail_server.mails)) == (1, 1)
    assert alerting.journal.unsent_notices() == ()


def test_what_opened_and_closed_while_a_channel_was_away_is_told_by_its_end(
    alerting: App, clock: Clock, receiver: Receiver
):
    receiver.status = 503
    lag(alerting, clock)
    alert_round(alerting)
    fine(alerting, clock)
    clock.turn(minutes=15)
    fine(alerting, clock)
    assert alert_round(alerting) == ()
    receiver.status = 200
    clock.turn(hours=1)
    fine(alerting, clock)
    alert_round(alerting)
    (text,) = receiver.texts
    assert text.startswith("*[connector] over: ")
    assert text.count("A connection is behind") == 2


def test_no_secret_reaches_a_channel_the_journal_or_the_log(
    alerting: App, clock: Clock, receiver: Receiver, mail_server: MailServer, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    send_test(alerting)
    key = "sk_" + "test_51H8xYzAbCdEf"
    since = clock() - timedelta(hours=1)
    reason = f"401 for {key}, password={PASSWORD}, {receiver.url}"
    fine(alerting, clock)
    signals = Signals(breakers=lambda: (Breaker("stripe", "*", since, reason),))
    alert_round(replace(alerting, signals=signals))
    receiver.status = 500
    clock.turn(hours=24)
    alert_round(replace(alerting, signals=signals))
    kept = [str(one) for one in (*alerting.journal.open_incidents(), *alerting.journal.unsent_notices())]
    for told in (*receiver.texts, *mail_server.mails, *kept):
        for secret in (key, PASSWORD, "verysecretpath"):
            assert secret not in told
    lines = [Text().format(record) for record in caplog.records]
    assert any("POST (secret)" in line for line in lines), "what libraries log"
    assert not any(secret in line for line in lines for secret in (key, PASSWORD, "verysecretpath"))
    assert (len(receiver.texts), len(mail_server.mails)) == (2, 3)


def test_a_round_that_breaks_is_logged_and_nothing_else(
    alerting: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object, **__: object) -> None:
        raise ConfigError("no such secret")

    monkeypatch.setattr(alerting.journal, "see_incident", broken)
    monkeypatch.setattr(alerting.journal, "open_incidents", broken)
    alerts(alerting, threading.Event())
    assert any("the next round tries again" in message for message in caplog.messages)


def test_without_a_channel_incidents_are_kept_all_the_same(app: App, clock: Clock):
    lag(app, clock)
    (incident,) = alert_round(app)
    assert (incident.kind, app.journal.unsent_notices()) == ("lag", ())


def test_mail_has_login_sender_and_all_recipients(alerting: App, mail_server: MailServer):
    assert send_test(alerting) == {"webhook": None, "mail": None}
    assert mail_server.recipients == ["<ops@acme.example>", "<billing@acme.example>"]
    assert base64.b64decode(mail_server.login or "") == f"\0connector\0{PASSWORD}".encode()
    mail = message_from_string(mail_server.mails[0])
    assert (mail["From"], mail["Auto-Submitted"]) == ("connector@acme.example", "auto-generated")


def test_a_webhook_elsewhere_must_be_secret_and_must_not_lead_on(receiver: Receiver):
    with pytest.raises(ConfigError, match="must begin with https"):
        Webhook(SecretRef("env:HOOK", env={"HOOK": "http://hooks.acme.example/abcdefgh"})).send(Message("a", "b"))
    receiver.status = 302
    with pytest.raises(DeliveryError, match="answered 302"):
        Webhook(SecretRef("env:HOOK", env={"HOOK": receiver.url})).send(Message("a", "b"))


def test_markup_of_the_webhook_is_only_text(receiver: Receiver):
    Webhook(SecretRef("env:HOOK", env={"HOOK": receiver.url})).send(Message("<!channel>", "a & b"))
    assert receiver.texts == ["*&lt;!channel&gt;*\na &amp; b"]


def test_a_mail_server_that_is_not_there_is_told(mail_server: MailServer):
    mail = Mail("127.0.0.1", 1, "none", "a@acme.example", ("b@acme.example",))
    with pytest.raises(DeliveryError, match=r"the mail server 127\.0\.0\.1 did not take it"):
        mail.send(Message("a", "b"))
    with pytest.raises(DeliveryError, match="STARTTLS"):
        replace(mail, port=mail_server.port, security="starttls").send(Message("a", "b"))


# --- the audit chain --------------------------------------------------------------------------------


def test_rows_cut_off_the_end_of_the_chain_are_noticed(app: App, clock: Clock):
    for number in range(3):
        app.journal.record_audit("ann", f"act {number}", {}, clock())
    assert check_audit(app.journal, clock()).intact
    with app.journal._engine.begin() as database:
        database.exec_driver_sql("DROP TRIGGER audit_no_delete")
        database.exec_driver_sql("DELETE FROM audit WHERE seq = 3")
    for _ in range(2):
        assert check_audit(app.journal, clock()).problem == "row 3 is not the one that was known before"


def test_the_chain_is_walked_once_a_day(app: App, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    walks: list[object] = []
    walk = app.journal.verify_audit

    def counted(*arguments: Any) -> Any:
        walks.append(arguments)
        return walk(*arguments)

    monkeypatch.setattr(app.journal, "verify_audit", counted)
    for hours in (0, 1, 12, 12):
        clock.turn(hours=hours)
        alert_round(app)
    assert len(walks) == 2
