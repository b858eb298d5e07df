"""Pauses and open breakers, as the journal keeps them."""

from datetime import timedelta

from connector.journal import ALL, Journal, OpenBreaker
from tests.journal.builders import CRM, MINUTE, NOW


def test_a_pause_says_who_and_why_and_is_in_the_audit_chain(journal: Journal):
    assert journal.paused(CRM) is None
    journal.pause(CRM, reason="migration of the org", by="dana", now=NOW)
    found = journal.paused(CRM)
    assert found is not None
    assert (found.connection, found.reason, found.paused_by, found.paused_at) == (
        CRM,
        "migration of the org",
        "dana",
        NOW,
    )
    assert journal.paused("hubspot") is None
    assert journal.resume(CRM, by="eli", now=NOW + MINUTE)
    assert journal.paused(CRM) is None
    assert [(entry.actor, entry.action) for entry in journal.audit_entries()] == [
        ("dana", "paused"),
        ("eli", "resumed"),
    ]
    assert journal.verify_audit().intact


def test_all_pauses_every_connection_and_one_that_is_paused_itself_stays_so(journal: Journal):
    journal.pause(ALL, reason="weekend", by="dana", now=NOW)
    journal.pause(CRM, reason="org", by="dana", now=NOW)
    hubspot = journal.paused("hubspot")
    assert hubspot is not None
    assert hubspot.connection == ALL
    journal.resume(ALL, by="dana", now=NOW)
    assert journal.paused("hubspot") is None
    assert journal.paused(CRM) is not None


def test_resuming_what_is_not_paused_does_nothing(journal: Journal):
    assert not journal.resume(CRM, by="dana", now=NOW)
    assert journal.audit_entries() == ()


def test_pausing_again_replaces_the_reason(journal: Journal):
    journal.pause(CRM, reason="one", by="dana", now=NOW)
    journal.pause(CRM, reason="two", by="eli", now=NOW + MINUTE)
    assert [(one.reason, one.paused_by) for one in journal.pauses()] == [("two", "eli")]


def test_an_open_breaker_is_kept_until_it_closes(journal: Journal):
    state = OpenBreaker(ALL, "Stripe", NOW, NOW + timedelta(seconds=30), 1, "no answer")
    journal.save_breaker(state)
    longer = OpenBreaker(ALL, "Stripe", NOW, NOW + timedelta(seconds=90), 2, "no answer")
    journal.save_breaker(longer)
    assert journal.open_breakers() == (longer,)
    assert journal.close_breaker(ALL, "Stripe")
    assert not journal.close_breaker(ALL, "Stripe")
    assert journal.open_breakers() == ()
