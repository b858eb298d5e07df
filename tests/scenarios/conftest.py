"""The flag that writes the golden outputs anew."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --update-goldens."""
    parser.addoption("--update-goldens", action="store_true", help="write the golden outputs of tests/scenarios anew")


@pytest.fixture(scope="session")
def update_goldens(request: pytest.FixtureRequest) -> bool:
    """Tell whether goldens are written instead of compared."""
    return bool(request.config.getoption("--update-goldens", default=False))
