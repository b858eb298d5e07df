"""One portal and one Stripe account for each test."""

from collections.abc import Iterator

import pytest

from tests.hubspot.world import HubSpotWorld


@pytest.fixture
def world() -> Iterator[HubSpotWorld]:
    with HubSpotWorld() as made:
        yield made
