"""`make corpus`: the recordings, run by run: figures per kind, every reason once, every fault in full."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.corpus.compare import play
from tests.corpus.recordings import ROOT, Recording, available, recordings
from tests.corpus.result import QUESTIONS, Comparison

#: The recorded connector's figures over all recordings of this kind, as the research pages tell them.
TOLD_ALL, TOLD_RAMPS = "122 of 154", "1 of 19"
Played = list[Comparison]


def main() -> int:
    """Print the figures, the reasons and the faults; return 1 when something asked for does not hold."""
    if not available():
        print(f"The recordings are not here ({ROOT}); set CONNECTOR_CORPUS to where they are.")
        return 0
    everything = [_played(recording) for recording in recordings()]
    kinds: dict[str, list[Played]] = defaultdict(list)
    for played in everything:
        kinds[played[0].recording.kind].append(played)
    print(_row("kind", ("recordings", "runs", *QUESTIONS, "not yet", "no order")))
    for kind, held in kinds.items():
        print(_row(kind, _cells(held)))
    print(_row("all", _cells(everything)))
    _print_recorded(everything)
    results = [result for played in everything for result in played]
    runs = [result for result in results if result.recording.run]
    _print_reasons(results)
    return _print_faults(runs)


def _played(recording: Recording) -> Played:
    """Play a recording; one that cannot be played does not hide the others."""
    try:
        return play(recording)
    except Exception as error:  # noqa: BLE001
        broken = Comparison(recording)
        broken.fault("phases", f"it cannot be played: {error!r}")
        return [broken]


def _row(name: str, cells: Iterable[str]) -> str:
    return f"{name:<20}" + "".join(f"{cell:>13}" for cell in cells)


def _cells(held: list[Played]) -> tuple[str, ...]:
    """Return recordings and runs, each question's answers, what is not billed yet, and recordings without an order."""
    played = [one for one in held if one[0].recording.run]
    results = [result for one in played for result in one]
    waiting = sum(1 for result in results if result.not_yet)
    answers = tuple(_answers(result.answer(question) for result in results) for question in QUESTIONS)
    counts = (len(played), len(results))
    return (*map(_count, counts), *answers, _count(waiting), _count(len(held) - len(played)))


def _answers(answers: Iterable[bool | None]) -> str:
    asked = [answer for answer in answers if answer is not None]
    return f"{sum(asked)} of {len(asked)}" if asked else "-"


def _count(number: int) -> str:
    return str(number or "-")


def _print_recorded(everything: list[Played]) -> None:
    """Print how often the recorded connector billed what was sold, and how often we do, on the same recordings."""
    judged = [played for played in everything if played[-1].recording.verdict != "unknown"]
    print("\nBills what was sold, by the recordings' own check of amounts (and over all recordings there are, as told)")
    _print_ours("all", judged, [played[-1].recording.agrees for played in judged], f"  told: {TOLD_ALL}")
    ramps = [played for played in judged if played[-1].recording.segmented]
    _print_ours("ramps", ramps, [played[-1].recording.agrees for played in ramps], f"  told: {TOLD_RAMPS}")
    again = [played for played in everything if played[-1].recorded_days is not None]
    print("Bills what was sold, by what the emulator invoices for the recorded schedules until their end")
    _print_ours("all", again, [_recorded_right(played) for played in again])
    ramps = [played for played in again if played[-1].recording.segmented]
    _print_ours("ramps", ramps, [_recorded_right(played) for played in ramps])


def _print_ours(name: str, held: list[Played], recorded: list[bool], told: str = "") -> None:
    ours = sum(all(result.bills_what_was_sold for result in played) for played in held)
    print(f"  {name:<6} recorded {sum(recorded):>3} of {len(held):<3}  ours {ours:>3} of {len(held):<3}{told}")


def _recorded_right(played: Played) -> bool:
    days = played[-1].recorded_days or {}
    return sum(days.values()) == sum(result.sold or 0 for result in played)


def _print_reasons(results: list[Comparison]) -> None:
    for question in QUESTIONS:
        counts = Counter(reason for result in results for reason in result.explained.get(question, ()))
        explained = sum(1 for result in results if result.explained.get(question))
        print(f"\n{question}: {explained} runs hold with a reason")
        _print_counts(counts)
    print("\nNot yet: refused, though it should be billed")
    _print_counts(Counter(result.not_yet for result in results if result.not_yet))
    print("\nNot compared, and settings that are not expressed")
    _print_counts(Counter(note for result in results for note in result.notes))


def _print_counts(counts: Counter[str]) -> None:
    for text, count in counts.most_common():
        print(f"{count:>5}  {text}")


def _print_faults(results: list[Comparison]) -> int:
    bad = [result for result in results if not result.good]
    print(f"\n{len(bad)} of {len(results)} runs differ without a reason.")
    for result in bad:
        print(f"  {result.recording.kind}: {result.recording.name}, run {result.recording.number}")
        for fault in result.faults:
            print(f"      {fault}")
    waiting = any(result.not_yet for result in results)
    return 1 if bad or waiting else 0


if __name__ == "__main__":
    sys.exit(main())
