"""Links: found by our key, many at once, kept apart by connection."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import StatementError

from connector.journal import Journal, Link, open_journal
from tests.journal.builders import CRM, MINUTE, NOW, save


def test_a_link_comes_back_as_saved(journal: Journal):
    saved = save(journal, currency="eur", applied={"b": Decimal("83.33"), "a": "Zürich 東京 🧾"})
    assert saved == Link(
        connection=CRM,
        kind="price",
        key="p-1",
        stripe_id="price_p-1",
        applied_hash="h",
        applied={"a": "Zürich 東京 🧾", "b": "83.33"},
        contract_key="order-1",
        account_key="acme",
        currency="eur",
        created_at=NOW,
        updated_at=NOW,
        retired_at=None,
    )
    assert journal.link(CRM, "price", "p-1") == saved


def test_an_unknown_key_has_no_link(journal: Journal):
    assert journal.link(CRM, "price", "p-1") is None


def test_saving_again_replaces_all_but_the_birthday(journal: Journal):
    save(journal)
    again = save(journal, stripe_id="price_new", now=NOW + MINUTE)
    assert (again.stripe_id, again.created_at, again.updated_at) == ("price_new", NOW, NOW + MINUTE)
    assert len(journal.contract_links(CRM, "order-1")) == 1


def test_many_links_at_once(journal: Journal):
    for number in range(5):
        save(journal, f"p-{number}")
    wanted = [("price", f"p-{number}") for number in range(3, 2_500)]
    found = journal.links(CRM, [*wanted, ("product", "p-1")])
    assert sorted(found) == [("price", "p-3"), ("price", "p-4")]
    assert journal.links(CRM, []) == {}
    assert journal.links("hubspot", wanted) == {}


def test_links_by_contract_account_and_stripe_id(journal: Journal):
    one, two = save(journal, "p-1"), save(journal, "p-2", contract_key="order-2")
    assert journal.contract_links(CRM, "order-2") == (two,)
    assert journal.account_links(CRM, "acme") == (one, two)
    assert journal.stripe_links(CRM, ["price_p-1", "price_unknown"]) == (one,)


def test_forgetting(journal: Journal):
    save(journal)
    assert journal.forget_link(CRM, "price", "p-1")
    assert not journal.forget_link(CRM, "price", "p-1")


def test_times_are_utc_whatever_zone_they_came_in(journal: Journal):
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    saved = save(journal, now=tokyo)
    assert saved.created_at == NOW
    assert saved.created_at.tzinfo is UTC


def test_a_time_without_zone_is_refused(journal: Journal):
    with pytest.raises(StatementError, match="a time without zone"):
        save(journal, now=datetime(2026, 11, 24))  # noqa: DTZ001
    assert journal.link(CRM, "price", "p-1") is None


def test_a_float_never_gets_in(journal: Journal):
    with pytest.raises(StatementError, match="the journal keeps no float"):
        save(journal, applied={"amount": 83.33})


def test_links_of_a_contract_and_by_keys_are_looked_up_and_not_searched_for(tmp_path: Path):
    """SQLite knows no statistics of a young journal: it must choose the index without, or a back-fill is quadratic."""
    with open_journal(f"sqlite:///{tmp_path / 'journal.db'}", upgrade=True) as journal:
        asked: list[tuple[str, Any]] = []
        engine = journal._engine
        event.listen(engine, "before_cursor_execute", lambda _c, _k, text, values, *_: asked.append((text, values)))
        journal.contract_links(CRM, "c-1")
        journal.account_links(CRM, "a-1")
        journal.links(CRM, [("price", "p-1"), ("product", "p-2"), ("price", "p-3")])
        journal.link(CRM, "price", "p-1")
        of_links = [(text, values) for text, values in asked if "FROM links" in text]
        assert len(of_links) == 4
        with engine.connect() as database:
            for text, values in of_links:
                (row,) = database.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
                assert row.detail.count("=?") >= 2, f"{row.detail}: reads all links of the connection"


def test_threads_that_read_share_a_few_connections(tmp_path: Path):
    with open_journal(f"sqlite:///{tmp_path / 'journal.db'}", upgrade=True) as journal:
        opened: list[object] = []
        event.listen(journal._engine, "connect", lambda connection, _: opened.append(connection))
        with ThreadPoolExecutor(32) as threads:
            found = list(threads.map(lambda number: journal.link(CRM, "price", f"p-{number}"), range(400)))
        assert found == [None] * 400
        assert len(opened) <= 4, "one more is opened for a moment, and leaves the heap in pieces"
