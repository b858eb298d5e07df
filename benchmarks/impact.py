"""`python -m benchmarks.impact`: the time that `map impact` takes over many contracts, and the memory of its processes.

The contracts are the stories of tests/scenarios, each told many times with ids of its own. The change is one that every
contract has to be planned twice for: another payment term, and seats billed by the quarter.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.made_up import STORIES
from connector.crm.archive import ArchiveHead, write_archive
from connector.crm.protocol import ContractRef
from connector.crm.snapshot import SnapshotCrm, load_records
from connector.impact import Question, impact
from connector.mapping.raw import RawContract
from connector.mapping.writing import set_value
from connector.offline import bundled_mapping


def contracts(count: int) -> Iterator[RawContract]:
    """Yield that many contracts, made of the stories in turn."""
    paths = [path for path in sorted(STORIES.glob("*.json")) if not path.stem.endswith(".plan")]
    texts = [json.dumps(json.loads(path.read_text(encoding="utf-8"))["file"]) for path in paths]
    made = 0
    while made < count:
        for text in texts:
            if made == count:
                return
            file = load_records(text.replace("8Z000000", f"8Z{made:06d}"))
            yield next(SnapshotCrm(file).fetch([ContractRef("", file.root_id)], {}))
            made += 1


def main(count: int = 5_000, processes: int = 2) -> None:
    """Measure once, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        archive, changed = Path(folder) / "all.jsonl.gz", Path(folder) / "changed.yaml"
        write_archive(
            archive, ArchiveHead("salesforce", "benchmark", datetime(2026, 12, 1, tzinfo=UTC)), contracts(count)
        )
        old = bundled_mapping("salesforce")
        text = old.read_text(encoding="utf-8")
        text = set_value(text, "line.interval", "{const: 3}")
        days = "stripe.subscription_schedule.default_settings.invoice_settings.days_until_due"
        changed.write_text(set_value(text, days, "{const: 14}"), encoding="utf-8")
        started, before = time.perf_counter(), sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        found = impact(archive, Question(old, changed, date(2026, 12, 1)), processes=processes)
        seconds = time.perf_counter() - started
        size = archive.stat().st_size / 1e6
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"{found.contracts} contracts ({size:.1f} MB), {len(found.effects)} change, {processes} processes")
    busy = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) - before
    print(f"{seconds:.1f} s ({busy:.1f} s of processor time), {found.contracts / seconds:.0f} contracts a second")
    print(f"{peak:.0f} MB in the largest process")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
