"""Figures over all recordings, as tables: what was asked per kind, how often it holds, and the recorded figures."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from tests.corpus.result import QUESTIONS, Comparison

#: The recorded connector's figures over all recordings of this kind, as the research pages tell them.
TOLD_ALL, TOLD_RAMPS = "122 of 154", "1 of 19"
Played = list[Comparison]
Table = list[tuple[str, ...]]


def by_kind(everything: list[Played]) -> Table:
    """Return for each kind recordings, runs, answers, runs that are not billed yet, and recordings without an order."""
    kinds: dict[str, list[Played]] = defaultdict(list)
    for played in everything:
        kinds[played[0].recording.kind].append(played)
    head = ("kind", "recordings", "runs", *QUESTIONS, "not yet", "no order")
    rows = [(kind, *_cells(held)) for kind, held in kinds.items()]
    return [head, *rows, ("all", *_cells(everything))]


def recorded(everything: list[Played]) -> Table:
    """Return how often the recorded connector bills what was sold, and how often we do, on the same recordings."""
    judged = [played for played in everything if played[-1].recording.verdict != "unknown"]
    again = [one for one in everything if one[-1].recorded_days is not None and not one[-1].recording.evergreen]
    return [
        ("bills what was sold", "recorded", "ours", "recorded, over all there are"),
        _row("by the recording's own check", judged, _confirmed, TOLD_ALL),
        _row("the same, ramps", _ramps(judged), _confirmed, TOLD_RAMPS),
        _row("by what the emulator invoices", again, _ties_out, "-"),
        _row("the same, ramps", _ramps(again), _ties_out, "-"),
    ]


def reasons(results: Iterable[Comparison]) -> list[tuple[str, Counter[str]]]:
    """Return titles with reasons, and how often each was given."""
    held = list(results)
    told = []
    for question in QUESTIONS:
        counts = Counter(reason for result in held for reason in result.explained.get(question, ()))
        explained = sum(1 for result in held if result.explained.get(question))
        told.append((f"{question}: {explained} runs hold with a reason", counts))
    waiting = Counter(result.not_yet for result in held if result.not_yet)
    notes = Counter(note for result in held for note in result.notes)
    return [
        *told,
        ("Not yet: refused, though it should be billed", waiting),
        ("Not compared, and settings that are not expressed", notes),
    ]


def _cells(held: list[Played]) -> tuple[str, ...]:
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


def _row(name: str, held: list[Played], right: Callable[[Played], bool], told: str) -> tuple[str, ...]:
    ours = sum(all(result.bills_what_was_sold for result in played) for played in held)
    theirs = sum(right(played) for played in held)
    return (name, f"{theirs} of {len(held)}", f"{ours} of {len(held)}", told)


def _ramps(held: list[Played]) -> list[Played]:
    return [played for played in held if played[-1].recording.segmented]


def _confirmed(played: Played) -> bool:
    return played[-1].recording.agrees


def _ties_out(played: Played) -> bool:
    days = played[-1].recorded_days or {}
    return sum(days.values()) == sum(result.sold or 0 for result in played)
