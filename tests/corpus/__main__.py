"""`make corpus`: our schedules against the recordings, kind by kind, with a reason for every difference."""

import sys
from collections import defaultdict

from tests.corpus.compare import Comparison, compare
from tests.corpus.recordings import KINDS, ROOT, available, recordings


def main() -> int:
    """Print every recording and the three figures per kind; return 1 when something asked for does not hold."""
    if not available():
        print(f"The recordings are not here ({ROOT}); set CONNECTOR_CORPUS to where they are.")
        return 0
    kinds: dict[str, list[Comparison]] = defaultdict(list)
    for recording in recordings():
        result = compare(recording)
        kinds[recording.kind].append(result)
        print(f"{'ok ' if result.good else 'BAD'} {recording.kind:<20} {recording.name.rsplit('/', 1)[-1]}")
        for reason in result.reasons:
            print(f"      {reason}")
    print(f"\n{'kind':<20} {'phases equal':>14} {'money ties out':>16} {'failures right':>16}   without an order")
    for kind in KINDS:
        _print_kind(kind, kinds[kind])
    everything = [result for results in kinds.values() for result in results]
    _print_kind("all", everything)
    return 0 if all(result.good for result in everything) else 1


def _print_kind(name: str, results: list[Comparison]) -> None:
    cells = []
    for question in ("phases", "money", "failure"):
        answers = [getattr(result, question) for result in results if getattr(result, question) is not None]
        cells.append(f"{sum(answers)} of {len(answers)}" if answers else "-")
    idle = sum(1 for result in results if result.recording.run is None)
    print(f"{name:<20} {cells[0]:>14} {cells[1]:>16} {cells[2]:>16}   {idle or ''}")


if __name__ == "__main__":
    sys.exit(main())
