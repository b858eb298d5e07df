"""A third CRM is four files and no edit elsewhere: the toy CRM of these tests, from its configuration to Stripe."""

import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from connector.app import build_app
from connector.config import load_config
from connector.crm.kinds import PARTS, Connecting, connect, kind_of, parts_missing
from connector.crm.protocol import ContractRef
from connector.crm.snapshot import dump_records
from connector.domain.errors import ConfigError
from connector.offline import OfflineSettings, bundled_mapping, plan_records, read_mapping
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.stripe import StripeSandbox
from tests.crms.toy.emulator import KEY, Toy
from tests.crms.toy.scenarios import ToySite, write
from tests.scenarios.shared.play import Life, in_salesforce
from tests.scenarios.shared.scenarios import GOOD
from tests.wiring import TODAY

ROOT = Path(__file__).parents[2]
KIND = "tests.crms.toy"
CONFIG = """
mode = "test"
database = "sqlite:///{folder}/toy.db"

[stripe]
api_key = "file:{folder}/stripe_key"
base_url = "{stripe}"

[crm.toy]
kind = "tests.crms.toy"
mapping = "{mapping}"
options = {{ url = "{toy}" }}
secrets = {{ key = "file:{folder}/toy_key" }}
"""


@dataclass
class ToyWorld:
    now: datetime
    stripe: StripeSandbox


def configured(folder: Path, toy: Toy, stripe: StripeSandbox, text: str = CONFIG) -> Path:
    for name, value in {"stripe_key": "sk_test_toy", "toy_key": KEY}.items():
        (folder / name).write_text(value)
        (folder / name).chmod(0o600)
    path = folder / "config.toml"
    filled = text.format(folder=folder, stripe=stripe.url, toy=toy.url, mapping=bundled_mapping(KIND))
    path.write_text(filled, encoding="utf-8")
    return path


def test_it_is_four_files() -> None:
    files = {path.name for path in (ROOT / "tests" / "crms" / "toy").iterdir() if path.is_file()}
    assert files == set(PARTS)
    assert len(PARTS) == 4


def test_no_other_file_knows_of_it() -> None:
    folders = ("connector", "jobs", "mappings", "schemas", "benchmarks", "tests", "pyproject.toml", "Makefile")
    places = (
        path for each in folders for path in ((ROOT / each).rglob("*") if (ROOT / each).is_dir() else [ROOT / each])
    )
    texts = (path for path in places if path.suffix in {".py", ".yaml", ".toml", ".json", ".md", ""} and path.is_file())
    naming = {path for path in texts if "crms.toy" in path.read_text(encoding="utf-8", errors="ignore")}
    own = {path for path in naming if path.parent.name == "toy"}
    assert naming - own == {Path(__file__)}
    assert own


def test_one_scenario_comes_to_the_same_as_in_salesforce(tmp_path: Path) -> None:
    sale = next(each for each in GOOD if each.name == "upsell in the current period")
    now = datetime.combine(TODAY, time(9), UTC)
    with StripeSandbox(now=now) as stripe, Toy(now=now) as toy:
        written = write(toy, sale)
        with build_app(
            load_config(configured(tmp_path, toy, stripe), {}), clock=lambda: world.now, upgrade=True
        ) as app:
            world = ToyWorld(now, stripe)
            played = Life(world, app.desk("toy"), sale).play(written.ref, written.change)
    salesforce = in_salesforce(sale)
    assert [schedules(step.desired) for step in played.steps] == [schedules(step.desired) for step in salesforce.steps]
    assert all(schedules(step.desired) for step in played.steps)
    assert played.invoices == salesforce.invoices
    assert [step.tie_out for step in played.steps] == [step.tie_out for step in salesforce.steps]
    assert "Synced" in str(toy.tables["sales"][written.ref]["status"])


def schedules(desired: list[Any]) -> list[Any]:
    return [row for contract in desired for row in contract if row[0] == "subscription_schedule"]


def test_it_is_polled_and_its_records_file_plans_offline(tmp_path: Path) -> None:
    sale = next(each for each in GOOD if each.name == "upsell on a billing date")
    now = datetime.combine(TODAY, time(9), UTC)
    with StripeSandbox(now=now) as stripe, Toy(now=now) as toy:
        written = write(toy, sale)
        with build_app(load_config(configured(tmp_path, toy, stripe), {}), clock=lambda: now, upgrade=True) as app:
            desk = app.desk()
            assert desk.crm.changed(None).refs == (ContractRef("toy", written.ref),)
            (result,) = sync_refs(desk, [ContractRef("toy", written.ref)], job="test", config_hash="")
            text = dump_records(result.planned.raw, redact=True)
    settings = OfflineSettings(now, app.config.zone, Limits())
    planned = plan_records(text, read_mapping(bundled_mapping(KIND)), settings)
    assert planned.plan is not None
    assert result.planned.plan is not None
    assert [bill.amount for bill in planned.plan.bills] == [bill.amount for bill in result.planned.plan.bills]


@pytest.mark.parametrize("part", PARTS)
def test_half_a_kind_is_none(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = f"half_{part.split('.', maxsplit=1)[0]}"
    shutil.copytree(ROOT / "tests" / "crms" / "toy", tmp_path / package / "toy")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert parts_missing(f"{package}.toy") == ()
        (tmp_path / package / "toy" / part).unlink()
        assert parts_missing(f"{package}.toy") == (part,)
        with pytest.raises(ConfigError, match=f"lacks {part}"):
            kind_of(f"{package}.toy")
    finally:
        for name in [name for name in sys.modules if name.startswith(package)]:
            del sys.modules[name]


WRONG = {
    "no such package": ("nowhere.toy", {}, {}, "there is no such package"),
    "no kind at all": ("connector.crm.hubspot", {}, {}, "lacks emulator.py, mapping.yaml, scenarios.py"),
    "an unknown option": (KIND, {"ulr": "http://127.0.0.1:1"}, {"key": "k"}, "did you mean url"),
    "a secret that lacks": (KIND, {}, {}, "secrets.key is needed: the key that the CRM gave you"),
}


@pytest.mark.parametrize(("kind", "options", "secrets", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(kind: str, options: dict[str, str], secrets: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        connect(kind, Connecting("toy", options, secrets))


def test_its_secret_must_not_stand_in_the_file(tmp_path: Path) -> None:
    with StripeSandbox() as stripe, Toy() as toy:
        text = CONFIG.replace("file:{folder}/toy_key", KEY)
        with pytest.raises(ConfigError, match="CFG-006"):
            load_config(configured(tmp_path, toy, stripe, text), {})


def test_its_sandbox_is_refused_in_live_mode(tmp_path: Path) -> None:
    with StripeSandbox() as stripe, Toy() as toy:
        text = CONFIG.replace('"test"', '"live"', 1) + "sandbox = true\n"
        with pytest.raises(ConfigError, match="CFG-012"):
            load_config(configured(tmp_path, toy, stripe, text), {})


def test_a_wrong_key_is_told() -> None:
    with Toy() as toy:
        crm = connect(KIND, Connecting("toy", {"url": toy.url}, {"key": "wrong"}))
        with pytest.raises(ConfigError, match=r"secrets\.key"):
            crm.is_sandbox()


def test_the_site_is_of_the_kind() -> None:
    assert read_mapping(bundled_mapping(KIND)).paths == ToySite.paths
