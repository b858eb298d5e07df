"""The whole connector wired from a configuration file, pointed at emulators that a session shares."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import now_utc
from connector.cli.playground import Playground


@pytest.fixture(scope="session")
def shared_playground() -> Iterator[Playground]:
    with Playground(now_utc().date()) as made:
        yield made


@pytest.fixture
def playground(shared_playground: Playground) -> Playground:
    shared_playground.salesforce.reset()
    shared_playground.stripe.reset()
    return shared_playground


@pytest.fixture
def config_file(playground: Playground, tmp_path: Path) -> Path:
    return playground.write_config(tmp_path / "config.toml")
