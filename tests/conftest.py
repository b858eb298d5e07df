"""Fixtures every test may use: a real PostgreSQL, and the two emulators wired to the real SDKs."""

import logging
from collections.abc import Iterator
from datetime import date

import pytest

from tests.wiring import TODAY, World

pytest_plugins = ["tests.postgres"]


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
def no_handler_stays_behind() -> Iterator[None]:
    """Take away what a test made the log go to: its stream is closed, and the next test would see the complaint."""
    before = [*logging.getLogger().handlers]
    yield
    for handler in [*logging.getLogger().handlers]:
        if handler not in before and type(handler) is logging.StreamHandler:
            logging.getLogger().removeHandler(handler)
