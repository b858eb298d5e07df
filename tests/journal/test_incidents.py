"""Incidents open once, are reminded of and closed; notices stay until a channel has taken them."""

from datetime import timedelta

from connector.journal import Incident, Journal
from tests.journal.builders import CRM, MINUTE, NOW, at_once

HOUR = timedelta(hours=1)
BOTH = ("webhook", "mail")


def see(
    journal: Journal, kind: str = "lag", minutes: int = 0, count: int = 1, channels: tuple[str, ...] = BOTH
) -> Incident:
    at = NOW + minutes * MINUTE
    return journal.see_incident(kind, CRM, since=NOW, count=count, what=f"{count} late", now=at, channels=channels)


def words(journal: Journal, channel: str = "webhook", minutes: int = 0) -> list[str]:
    return [one.word for one in journal.claim_notices(channel, NOW + minutes * MINUTE, 5 * MINUTE)]


def test_trouble_that_lasts_is_one_incident_with_one_notice_a_channel(journal: Journal):
    first = see(journal)
    again = see(journal, minutes=5, count=3)
    assert (again.id, again.opened_at, again.seen_at, again.count, again.what) == (
        first.id,
        NOW,
        NOW + 5 * MINUTE,
        3,
        "3 late",
    )
    assert journal.open_incidents() == (again,)
    assert [(one.channel, one.word) for one in journal.unsent_notices()] == [("webhook", "opened"), ("mail", "opened")]


def test_kinds_and_connections_are_apart(journal: Journal):
    see(journal)
    see(journal, kind="drift")
    journal.see_incident("lag", "", since=NOW, count=1, what="all", now=NOW, channels=())
    assert [(one.kind, one.connection) for one in journal.open_incidents()] == [
        ("lag", CRM),
        ("drift", CRM),
        ("lag", ""),
    ]


def test_many_processes_that_see_it_at_once_open_it_once(journal: Journal):
    found = at_once(8, lambda _: see(journal))
    assert len({one.id for one in found}) == 1
    assert len(journal.unsent_notices()) == 2


def test_a_reminder_comes_once_in_its_time(journal: Journal):
    one = see(journal)
    assert not journal.remind(one, every=HOUR, now=NOW + 59 * MINUTE, channels=BOTH)
    assert at_once(4, lambda _: journal.remind(one, every=HOUR, now=NOW + HOUR, channels=BOTH)).count(True) == 1
    assert not journal.remind(one, every=HOUR, now=NOW + HOUR + MINUTE, channels=BOTH)
    assert [one.word for one in journal.unsent_notices()] == ["opened", "opened", "reminder", "reminder"]


def test_closing_happens_once_and_a_new_one_may_open(journal: Journal):
    one = see(journal)
    assert at_once(4, lambda _: journal.close_incident(one, NOW + MINUTE, BOTH)).count(True) == 1
    assert journal.open_incidents() == ()
    closed = journal.incident(one.id)
    assert closed is not None
    assert closed.closed_at == NOW + MINUTE
    assert not journal.remind(one, every=MINUTE, now=NOW + HOUR, channels=BOTH)
    assert see(journal, minutes=2).id != one.id


def test_a_notice_is_taken_by_one_and_tried_again_later(journal: Journal):
    see(journal)
    taken = at_once(4, lambda _: journal.claim_notices("webhook", NOW, 5 * MINUTE))
    (notice,) = [one for some in taken for one in some]
    assert (notice.channel, notice.attempts) == ("webhook", 1)
    assert words(journal, minutes=4) == [], "somebody is sending it"
    journal.settle_notices([notice.id], NOW, error="503", again=2 * MINUTE)
    assert [(one.channel, one.error) for one in journal.unsent_notices()] == [("webhook", "503"), ("mail", None)]
    assert words(journal, minutes=1) == []
    assert words(journal, minutes=2) == ["opened"]


def test_a_notice_whose_sender_died_is_taken_again(journal: Journal):
    see(journal)
    assert words(journal) == ["opened"]
    assert words(journal, minutes=5) == ["opened"]


def test_what_was_sent_is_not_sent_again(journal: Journal):
    see(journal)
    (notice,) = journal.claim_notices("webhook", NOW, MINUTE)
    journal.settle_notices([notice.id], NOW, error=None, again=timedelta())
    assert words(journal, minutes=60) == []
    assert [one.channel for one in journal.unsent_notices()] == ["mail"]


def test_notices_of_channels_that_are_no_more_are_dropped(journal: Journal):
    see(journal)
    assert journal.drop_notices(["mail"]) == 1
    assert [one.channel for one in journal.unsent_notices()] == ["mail"]


def test_old_incidents_are_forgotten_open_ones_never(journal: Journal):
    old, lasting = see(journal), see(journal, kind="drift")
    journal.close_incident(old, NOW, ())
    assert journal.forget_incidents(NOW) == 0
    assert journal.forget_incidents(NOW + MINUTE) == 1
    assert journal.incident(old.id) is None
    assert journal.open_incidents() == (lasting,)
    assert all(one.incident_id == lasting.id for one in journal.unsent_notices())
