"""Fixtures every test may use: a real PostgreSQL, and the two emulators wired to the real SDKs."""

import logging
from collections.abc import Iterator
from datetime import date

import pytest

from tests.wiring import TODAY, World

pytest_plugins = ["tests.postgres", "tests.wired"]

#: What takes longest begins first: whatever begins last, one process would be waited for alone.
_SLOW = ("jobs/test_chaos", "dispatch/", "jobs/", "oracle/", "scenarios/", "money/", "hubspot/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow files first, and leave the order as it is otherwise."""

    def place(item: pytest.Item) -> int:
        file = item.nodeid.removeprefix("tests/")
        return next((index for index, name in enumerate(_SLOW) if file.startswith(name)), len(_SLOW))

    items.sort(key=place)


@pytest.fixture
def world() -> Iterator[World]:
    """A small company in Salesforce, an empty Stripe account, and an empty journal in memory."""
    with World(TODAY) as made:
        yield made


@pytest.fixture
def today() -> date:
    """The day on which the seeded company is looked at."""
    return TODAY


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Undo what a test made the log do: the stream it goes to is closed, and the next test would see the complaint."""
    root = logging.getLogger()
    before, level = [*root.handlers], root.level
    yield
    root.setLevel(level)
    for each in [*root.handlers]:
        if each not in before and type(each) is logging.StreamHandler:
            root.removeHandler(each)
