"""Live mode: real money moves only after the account's id was typed, and never for the orders of a sandbox org."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import now_utc
from connector.cli.playground import Playground
from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import seed
from tests.cli.conftest import Shop

ACCOUNT = "acct_sandbox"


@pytest.fixture(scope="module")
def production() -> Iterator[Playground]:
    """The playground with a production org in it."""
    today = now_utc().date()
    made = Playground(today)
    made.salesforce = SalesforceSandbox(records=seed(today), is_sandbox=False)
    with made:
        yield made


@pytest.fixture
def live(
    production: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shop:
    return _live(production, tmp_path, monkeypatch, capsys)


def _live(playground: Playground, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Shop:
    playground.salesforce.reset()
    playground.stripe.reset()
    shop = Shop(playground, folder, monkeypatch, capsys)
    (folder / "stripe_key").write_text("sk_live_sandbox", encoding="utf-8")
    changes = [('mode = "test"', 'mode = "live"'), ("sandbox = true\n", ""), ('"sandbox.my"', '"acme.my"')]
    shop.configure(*changes)
    assert shop.run("db", "upgrade").code == 0
    return shop


def written(shop: Shop) -> int:
    return sum(record.method == "POST" for record in shop.stripe.log)


@pytest.mark.parametrize("command", ["apply", "sync"])
def test_the_accounts_id_must_be_typed(live: Shop, command: str):
    ran = live.run(command, live.orders["ramp"], stdin=f"{ACCOUNT}\n")
    assert ran.code == 0
    assert f" LIVE MODE  {ACCOUNT} Sandbox  real invoices will be made " in ran.err
    assert f"Type {ACCOUNT} to go on" in ran.err
    assert written(live) == 6


@pytest.mark.parametrize("command", ["apply", "sync"])
@pytest.mark.parametrize(("typed", "code"), [("yes\n", 6), ("acct_other\n", 6), ("", 130)])
def test_anything_else_changes_nothing(live: Shop, command: str, typed: str, code: int):
    ran = live.run(command, live.orders["ramp"], stdin=typed)
    assert (ran.code, written(live)) == (code, 0)
    assert "nothing was changed" in ran.err


def test_yes_answers_for_scripts_but_the_banner_stays(live: Shop):
    ran = live.run("sync", live.orders["ramp"], "--yes", "--json")
    assert (ran.code, ran.document["counts"]) == (0, {"applied": 1})
    assert "LIVE MODE" in ran.err


def test_looking_needs_no_consent(live: Shop):
    for command in (["plan", live.orders["ramp"]], ["explain", live.orders["ramp"]], ["status"], ["doctor"]):
        assert live.run(*command).code == 0
    assert written(live) == 0
    link = live.run("sync", live.orders["ramp"], "--yes", "--json").document["contracts"][0]["status"]["link"]
    assert link.startswith("https://dashboard.stripe.com/subscription_schedules/")


@pytest.mark.parametrize("command", [["apply", "--yes"], ["sync", "--yes"]])
def test_a_sandbox_org_never_bills_live_customers(
    playground: Playground,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
):
    """The configuration does not say that it is a sandbox, so the org is asked."""
    shop = _live(playground, tmp_path, monkeypatch, capsys)
    ran = shop.run(command[0], shop.orders["ramp"], *command[1:])
    assert (ran.code, written(shop)) == (3, 0)
    assert "crm.salesforce  CFG-012 a CRM sandbox must not bill live customers" in ran.err
    assert shop.run("doctor").code == 3


def test_a_test_key_in_live_mode_is_refused(live: Shop):
    (live.config.parent / "stripe_key").write_text("sk_test_sandbox", encoding="utf-8")
    ran = live.run("plan")
    assert (ran.code, ran.out) == (3, "")
    assert 'CFG-011 a test key does not go with mode = "live"' in ran.err
