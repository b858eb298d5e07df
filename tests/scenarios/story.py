"""A business story as data: CRM records, the day that counts as today, and what should come of it.

`<name>.json` holds `about` (one sentence), `today`, `file` (a records file) and, where it matters, `max_amount` (what
may be billed without approval, in major units), `policies` (other words than the bundled mapping file has) and `slots`
(rules that it has not: `line.collection_method` to what fills it).
`<name>.plan.json` and `<name>.plan.txt` beside it are the golden outputs; `pytest tests/scenarios --update-goldens`
writes them anew, and the review reads their diff.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.billing.targets import sdk_targets
from connector.mapping.grammar import load_mapping
from connector.mapping.mapping_file import MappingFile
from connector.offline import OfflineSettings, bundled_mapping, plan_records, read_mapping
from connector.plan.document import plan_document, unreadable_document
from connector.plan.render import issue_lines, render_plan
from connector.plan.safety import Limits
from connector.sync import Planned

HERE = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in HERE.glob("*.json") if not path.stem.endswith(".plan")))


@dataclass(frozen=True, slots=True)
class Story:
    """What a scenario file says."""

    name: str
    about: str
    today: date
    records: str
    limits: Limits
    policies: tuple[tuple[str, str], ...] = ()
    slots: tuple[tuple[str, str], ...] = ()

    @property
    def settings(self) -> OfflineSettings:
        """Return how to plan: at noon of the story's day, in UTC."""
        noon = datetime(self.today.year, self.today.month, self.today.day, 12, tzinfo=UTC)
        return OfflineSettings(noon, ZoneInfo("UTC"), self.limits)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a story."""

    planned: Planned
    document: Any
    text: str


def load(name: str) -> Story:
    """Read a scenario file."""
    found = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    most = {"*": Decimal(found["max_amount"])} if "max_amount" in found else {}
    return Story(
        name, found["about"], date.fromisoformat(found["today"]), json.dumps(found["file"]),
        Limits(max_contract_amount=most), tuple(sorted(found.get("policies", {}).items())),
        tuple(sorted(found.get("slots", {}).items())),
    )  # fmt: skip


@cache
def mapping(policies: tuple[tuple[str, str], ...] = (), slots: tuple[tuple[str, str], ...] = ()) -> MappingFile:
    """Return the mapping file that comes with the connector, perhaps with other policies, and more slots filled."""
    if not policies and not slots:
        return read_mapping(bundled_mapping("salesforce"))
    text = bundled_mapping("salesforce").read_text(encoding="utf-8")
    for name, value in policies:
        text, found = re.subn(rf"(?m)^  {name}:.*$", f"  {name}: {value}", text)
        assert found == 1, name
    for name, rule in slots:
        of, _, slot = name.partition(".")
        text, found = re.subn(rf"(?m)^{of}:$", f"{of}:\n  {slot}: {rule}", text)
        assert found == 1, name
    loaded = load_mapping(text, name="story.yaml", targets=sdk_targets())
    assert loaded.mapping is not None, loaded.problems
    return loaded.mapping


def tell(story: Story, records: str | None = None) -> Told:
    """Plan the story, or the same story with its records written another way."""
    planned = plan_records(
        records or story.records, mapping(story.policies, story.slots), story.settings, source=story.name
    )
    if planned.plan:
        text = render_plan(planned.plan, planned.judgement)
        return Told(planned, plan_document(planned.plan, planned.judgement), f"{text}\n")
    document = unreadable_document(planned.raw.crm, planned.raw.key, planned.reading.issues)
    lines = [line for issue in planned.reading.issues for line in issue_lines(issue)]
    return Told(planned, document, "\n".join([f"! {planned.raw.key}  cannot be read", *lines, ""]))


@cache
def told(name: str) -> Told:
    """Plan a story once for all tests."""
    return tell(load(name))
