"""Lines carry their run and contract, and no secret comes through any of them."""

import json
import logging
import threading
from collections.abc import Iterator
from typing import Literal

import pytest

from connector.app import App
from connector.cli.playground import Playground
from connector.config import LogConfig
from connector.logs import bound, bound_values, start_logging
from connector.sandbox.http import FaultRule
from tests.wired import sync

SECRET = "sk_" + "test_51H8xYzAbCdEf"
log = logging.getLogger("tests.ops")


class Stderr:
    """What was logged so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def getvalue(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Stderr]:
    """What the program logs; the root logger is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield Stderr(capsys)
    root.handlers[:] = before
    root.setLevel(level)


def lines(stream: Stderr) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_carry_what_is_bound(stderr: Stderr):
    start_logging(LogConfig(format="json"))
    with bound(run=7, connection="salesforce"), bound(contract="801A"):
        log.info("applied, %d writes", 2)
    log.info("outside")
    first, second = lines(stderr)
    assert {name: first[name] for name in ("level", "logger", "message", "run", "connection", "contract")} == {
        "level": "info",
        "logger": "tests.ops",
        "message": "applied, 2 writes",
        "run": 7,
        "connection": "salesforce",
        "contract": "801A",
    }
    assert "run" not in second


def test_text_lines_carry_it_at_the_end_of_the_first_line(stderr: Stderr):
    start_logging(LogConfig())
    with bound(run=7, contract="801A"):
        try:
            int("x")
        except ValueError:
            log.exception("it broke")
    first, *rest = stderr.getvalue().splitlines()
    assert first.endswith("ERROR tests.ops it broke [run=7 contract=801A]")
    assert rest[-1] == "ValueError: invalid literal for int() with base 10: 'x'"


def test_threads_do_not_see_each_others():
    seen: list[object] = []
    with bound(run=1):
        thread = threading.Thread(target=lambda: seen.append(dict(bound_values())))
        thread.start()
        thread.join()
        assert bound_values() == {"run": 1}
    assert (seen, dict(bound_values())) == ([{}], {})


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_secret_comes_through(stderr: Stderr, form: Literal["text", "json"], level: Literal["debug", "info"]):
    start_logging(LogConfig(level=level, format=form))
    refusal = RuntimeError(f"refused {SECRET} for ada@acme.example")
    with bound(contract=SECRET):
        try:
            raise refusal
        except RuntimeError:
            log.exception("call with %s failed: %s", SECRET, str(refusal))
    assert SECRET not in stderr.getvalue()
    assert stderr.getvalue().count("(secret)") >= 4
    assert ("ada@acme.example" in stderr.getvalue()) == (level == "debug")


def test_a_line_stays_json_when_a_secret_in_it_is_masked(stderr: Stderr):
    start_logging(LogConfig(format="json"))
    log.info('{"password": "hun\\"ter2", "x": 1}')
    (line,) = lines(stderr)
    assert "hun" not in str(line["message"])


def test_a_sync_logs_every_contract_with_run_and_key(app: App, playground: Playground, stderr: Stderr):
    """Stripe repeats what it was sent, and what the key is; the journal keeps it, the log does not show it."""
    body = {"error": {"type": "invalid_request_error", "message": f"Invalid API Key provided: {SECRET}"}}
    playground.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", status=400, body=body))
    start_logging(LogConfig(format="json"))
    sync(app, threading.Event())
    told = lines(stderr)
    (run,) = app.journal.latest_runs("salesforce", job="work")
    contracts = {
        state.contract_key for state in app.journal.contract_states("salesforce") if state.outcome == "applied"
    }
    assert {line["contract"] for line in told if str(line["message"]).startswith("applied, ")} == contracts
    assert {line["run"] for line in told if "contract" in line} == {run.id}
    assert any("Invalid API Key provided: (secret)" in str(line["message"]) for line in told)
    assert SECRET not in stderr.getvalue()
