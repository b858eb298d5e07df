"""A company and a Stripe account on emulators, and the command line pointed at them, in this process."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.app import now_utc
from connector.cli.main import run
from connector.cli.playground import Playground

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Shop:
    """One company with one configuration file."""

    def __init__(self, playground: Playground, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.playground = playground
        self.salesforce, self.stripe, self.orders = playground.salesforce, playground.stripe, playground.orders
        self.config = playground.write_config(folder / "config.toml")
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def bare(self, *arguments: str, stdin: str = "") -> Ran:
        """Run a command as it stands."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        code = run(arguments)
        printed = self._capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    def run(self, *arguments: str, stdin: str = "") -> Ran:
        """Run a command with this company's configuration."""
        return self.bare(*arguments, "--config", str(self.config), stdin=stdin)

    def configure(self, *changes: tuple[str, str]) -> None:
        """Replace text in the configuration file."""
        text = self.config.read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        self.config.write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def playground() -> Iterator[Playground]:
    with Playground(now_utc().date()) as made:
        yield made


@pytest.fixture
def new_shop(
    playground: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shop:
    """A company whose journal was not made yet."""
    playground.salesforce.reset()
    playground.stripe.reset()
    monkeypatch.chdir(tmp_path)
    return Shop(playground, tmp_path, monkeypatch, capsys)


@pytest.fixture
def shop(new_shop: Shop) -> Shop:
    """A company ready to go."""
    assert new_shop.run("db", "upgrade").code == 0
    return new_shop
