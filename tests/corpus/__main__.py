"""`make corpus`: our schedules against the recordings: figures per kind, every reason once, every fault in full."""

import sys
from collections import Counter, defaultdict

from tests.corpus.compare import compare
from tests.corpus.recordings import KINDS, ROOT, available, recordings
from tests.corpus.result import QUESTIONS, Comparison


def main() -> int:
    """Print the figures, the reasons and the faults; return 1 when something asked for does not hold."""
    if not available():
        print(f"The recordings are not here ({ROOT}); set CONNECTOR_CORPUS to where they are.")
        return 0
    everything = [compare(recording) for recording in recordings()]
    kinds: dict[str, list[Comparison]] = defaultdict(list)
    for result in everything:
        kinds[result.recording.kind].append(result)
    print(f"{'kind':<20} {'phases':>12} {'money':>12} {'failures':>12}   without an order")
    for kind in KINDS:
        _print_row(kind, kinds[kind])
    _print_row("all", everything)
    _print_recorded(everything)
    _print_reasons(everything)
    return _print_faults(everything)


def _print_row(name: str, results: list[Comparison]) -> None:
    cells = []
    for question in QUESTIONS:
        answers = [getattr(result, question) for result in results if getattr(result, question) is not None]
        cells.append(f"{sum(answers)} of {len(answers)}" if answers else "-")
    idle = sum(1 for result in results if result.recording.run is None)
    print(f"{name:<20} {cells[0]:>12} {cells[1]:>12} {cells[2]:>12}   {idle or ''}")


def _print_recorded(results: list[Comparison]) -> None:
    """Print how often the recorded connector billed what was sold, and how often we do, on the same recordings."""
    decidable = [result for result in results if result.recording.verdict != "unknown"]
    print("\nSchedules whose amounts can be judged: how many bill what was sold")
    for name, held in (("all", decidable), ("segmented", [r for r in decidable if r.recording.segmented])):
        recorded, ours = sum(r.recording.agrees for r in held), sum(bool(r.money) for r in held)
        print(f"  {name:<10} recorded {recorded:>3} of {len(held):<3}  ours {ours:>3} of {len(held)}")


def _print_reasons(results: list[Comparison]) -> None:
    for question in QUESTIONS:
        counts = Counter(reason for result in results for reason in result.explained.get(question, ()))
        explained = sum(1 for result in results if result.explained.get(question))
        print(f"\n{question}: {explained} of these hold with a reason")
        for reason, count in counts.most_common():
            print(f"{count:>5}  {reason}")
    notes = Counter(note for result in results for note in result.notes)
    print("\nNot compared, and settings that are not expressed")
    for note, count in notes.most_common():
        print(f"{count:>5}  {note}")


def _print_faults(results: list[Comparison]) -> int:
    bad = [result for result in results if not result.good]
    print(f"\n{len(bad)} of {len(results)} recordings differ without a reason.")
    for result in bad:
        print(f"  {result.recording.kind}: {result.recording.name}")
        for fault in result.faults:
            print(f"      {fault}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
