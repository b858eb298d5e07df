"""`connector/impact.py`: many contracts by two mappings; the same answer from one process and from several."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks.impact import contracts
from connector import impact as module
from connector.crm.archive import ArchiveHead, read_head, read_lines, write_archive
from connector.crm.snapshot import dump_records
from connector.domain.errors import ConfigError
from connector.impact import Question, compare, impact
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawContract
from connector.mapping.writing import set_value
from connector.offline import OfflineSettings, bundled_mapping, plan_records, read_mapping
from connector.plan.safety import Limits

TODAY = date(2026, 12, 1)
OLD = bundled_mapping("salesforce")
COUNT = 70


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "all.jsonl.gz"
    head = ArchiveHead("salesforce", "test", datetime(2026, 12, 1, tzinfo=UTC))
    assert write_archive(path, head, contracts(COUNT)) == COUNT
    return path


def changed(folder: Path, *values: tuple[str, str]) -> Question:
    text = OLD.read_text(encoding="utf-8")
    for name, rule in values:
        text = set_value(text, name, rule)
    path = folder / "changed.yaml"
    path.write_text(text, encoding="utf-8")
    return Question(OLD, path, TODAY)


def test_several_processes_find_the_same(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = changed(tmp_path, ("line.interval", "{const: 1}"))
    alone = impact(archive, question)
    monkeypatch.setattr(module, "PARALLEL_FROM", 10)
    monkeypatch.setattr(module, "BATCH", 16)
    assert impact(archive, question, processes=2) == alone
    assert alone.contracts == COUNT
    assert alone.states["changed"] > 10


def test_the_same_mapping_changes_nothing(archive: Path, tmp_path: Path) -> None:
    found = impact(archive, changed(tmp_path))
    assert (found.contracts, found.effects, found.money, found.unreadable) == (COUNT, (), {}, ())


def test_the_biggest_come_first_and_sums_are_of_all(archive: Path, tmp_path: Path) -> None:
    found = impact(archive, changed(tmp_path, ("sync.skip_line", "{path: Quantity, gt: 30}")))
    differences = [abs(effect.difference) for effect in found.effects if effect.currency == "usd"]
    assert differences == sorted(differences, reverse=True)
    assert differences[0] > 0
    for currency, money in found.money.items():
        own = [effect for effect in found.effects if effect.currency == currency]
        assert money.before == sum(effect.before for effect in own)
        assert money.after - money.before == sum(effect.difference for effect in own)


def test_money_is_what_the_offline_plans_bill(tmp_path: Path) -> None:
    question = changed(tmp_path, ("line.interval", "{const: 3}"), ("sync.skip_line", "{path: Quantity, gt: 30}"))
    old, new = read_mapping(question.old), read_mapping(question.new)
    seen = 0
    for raw in contracts(40):
        effect = compare(raw, (old, new), replace(question, today=TODAY), None)
        if effect is not None:
            seen += 1
            assert (effect.before, effect.after) == (billed(raw, old), billed(raw, new)), raw.key
    assert seen > 10


def billed(raw: RawContract, mapping: MappingFile) -> int:
    """Return what the offline door says is billed for a contract, in minor units."""
    settings = OfflineSettings(datetime(2026, 12, 1, 12, tzinfo=UTC), ZoneInfo("UTC"), Limits())
    plan = plan_records(dump_records(raw, redact=False), mapping, settings).plan
    if plan is None or plan.blocked or plan.tie_out is None:
        return 0
    return plan.tie_out.billed + plan.tie_out.scheduled - plan.tie_out.credited


def test_a_schedule_is_planned_as_of_the_day_it_was_made(tmp_path: Path) -> None:
    """What was billed in time does not look as if it had to be made up for, or could be skipped."""
    question = changed(tmp_path, ("policies.backdated_start", "skip"))
    old, new = read_mapping(question.old), read_mapping(question.new)
    asked, in_time = replace(question, today=date(2027, 6, 15)), date(2026, 1, 1)
    late = [effect for raw in contracts(60) if (effect := compare(raw, (old, new), asked, None))]
    made = [effect for raw in contracts(60) if (effect := compare(raw, (old, new), asked, in_time))]
    assert sum(effect.difference < 0 for effect in late) > 10
    assert not [effect for effect in made if effect.difference or effect.moved]


@pytest.mark.parametrize(
    ("own", "limit", "says"),
    [(None, 5000, "over the limit of 5,000.00 USD"), (3000, 5000, "3,000.00 USD (policy max_contract_amount)")],
)
def test_contracts_over_a_limit_are_said_to_wait(tmp_path: Path, own: int | None, limit: int, says: str) -> None:
    """By the configuration's limit or the mapping's own; for age only where nothing is in Stripe yet."""
    rules = [("policies.max_contract_amount", str(own))] if own else []
    question = changed(tmp_path, ("line.interval", "{const: 3}"), *rules)
    mappings = read_mapping(question.old), read_mapping(question.new)
    limits = Limits(max_contract_amount={"usd": Decimal(limit)}, max_backdating_days=100)
    question = replace(question, today=date(2029, 1, 1), limits=limits)
    found = [effect for raw in contracts(60) if (effect := compare(raw, mappings, question, date(2026, 1, 1)))]
    billed = [effect for effect in found if effect.state != "blocked"]
    over = [effect for effect in billed if effect.after > (own or limit) * 100]
    assert len(over) > 5
    assert len(billed) - len(over) > 5
    assert [effect.ref for effect in found if effect.waits] == [effect.ref for effect in over]
    assert all(len(effect.waits) == 1 and effect.waits[0].endswith(says) for effect in over)
    new = [effect for raw in contracts(60) if (effect := compare(raw, mappings, question, None))]
    assert any("days ago, over the limit of 100" in each for effect in new for each in effect.waits)


def test_files_of_other_crms_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    write_archive(path, ArchiveHead("hubspot", "x", datetime(2026, 1, 1, tzinfo=UTC)), [])
    with pytest.raises(ConfigError, match="the records are from hubspot"):
        impact(path, changed(tmp_path))


def test_an_archive_reads_back(archive: Path, tmp_path: Path) -> None:
    head = read_head(archive)
    assert (head.crm, head.source, head.made) == ("salesforce", "test", {})
    assert len(list(read_lines(archive))) == COUNT
    plain = tmp_path / "plain.jsonl"
    full = ArchiveHead("salesforce", "x", head.taken_at, {"801": TODAY}, {"Order": frozenset(["A", "B"])})
    write_archive(plain, full, contracts(1))
    assert read_head(plain) == full
    assert [path.name for path in tmp_path.iterdir()] == ["plain.jsonl"]


def test_a_cut_archive_is_named(archive: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(ConfigError, match="cannot read the snapshot"):
        list(read_lines(cut))
    with pytest.raises(ConfigError, match=r"cannot read the snapshot .*gone"):
        read_head(tmp_path / "gone.jsonl")
