"""The whole connector wired from a configuration file, pointed at emulators, without a scheduler running."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import App, build_app
from connector.cli.playground import Playground


@pytest.fixture
def app(playground: Playground, config_file: Path) -> Iterator[App]:
    with build_app(playground.config(config_file), upgrade=True) as made:
        yield made


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()
