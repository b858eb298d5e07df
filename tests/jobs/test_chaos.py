"""`connector run` in the storm, for half a minute: killed, stopped, cut off from all vendors, while people go on.

What is left must be what a calm run of the same script leaves. The long version: `python -m tests.jobs.chaos`.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.chaos import books
from tests.jobs.chaos.play import Plot, both, verdict


def test_the_storm_leaves_the_books_of_a_calm_run(tmp_path: Path):
    happened: list[str] = []
    peace, war, runner = both(tmp_path, Plot(seconds=26, rounds=1, steps=9, seed=20), happened.append)
    log = runner.words()
    assert verdict(peace, war) == [], "\n".join(happened)
    assert peace.problems == []
    assert runner.kills >= 2
    assert set(runner.codes) == {0}, "every orderly stop ends with 0"
    assert log.count("started: ") == runner.starts
    assert log.count("stopped; the journal is consistent") == len(runner.codes)
    assert "Traceback" not in log
    for crm in ("salesforce", "hubspot"):
        assert f"connection {crm}: {crm} is away, nothing is sent until" in log
    assert re.search(r"answers again; the circuit breaker is closed", log)
    assert re.search(r"\d+ applied", log)


CALM: dict[str, Any] = {
    "schedules": {"ramp": [{"phases": [{"items": [["p 100 usd", 20]]}]}]},
    "counts": {"invoices": 3},
}


@pytest.mark.parametrize(
    "other",
    [
        {"schedules": {"ramp": [{"phases": [{"items": [["p 100 usd", 21]]}]}]}, "counts": {"invoices": 3}},
        {"schedules": {"ramp": CALM["schedules"]["ramp"] * 2}, "counts": {"invoices": 3}},
        {"schedules": {}, "counts": {"invoices": 3}},
        {"schedules": CALM["schedules"], "counts": {"invoices": 4}},
    ],
)
def test_a_difference_would_be_noticed(other):
    assert list(books.differences(CALM, CALM, "")) == []
    assert len(list(books.differences(CALM, other, ""))) == 1
