"""Fixtures every test may use: a real PostgreSQL, and the two emulators wired to the real SDKs."""

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
