"""What a phase calls itself: the index and label of the ramp segment it is."""

from collections.abc import Iterable
from datetime import date

from connector.domain.contract import DatedSegment, Line


def phase_segment(
    lines: Iterable[Line], dated: Iterable[DatedSegment] = (), day: date | None = None
) -> tuple[int | None, str | None]:
    """Return the phase's segment index and label: of the contract's own segments by day, else of the lines in force.

    Where no line says that it belongs to a segment there is none: a flat line on a schedule of its own beside a ramp.

    Segmented products of one order may have different segments on the same day (years beside quarters). The longest
    segment in force gives the index, since it is the coarser ramp; labels that differ are all told, the same one first.
    Of one key the first line counts: amendments number their segments anew ("Year  2" beside "Year 2").
    """
    lines = tuple(lines)
    for segment in dated if any(line.segment for line in lines) else ():
        if day is not None and segment.start <= day < segment.end:
            return segment.index, segment.label
    first: dict[str, Line] = {}
    for line in lines:
        if line.segment:
            first.setdefault(line.segment.key, line)
    segments = sorted(
        ((-_days(line), key, line.segment) for key, line in first.items() if line.segment), key=lambda entry: entry[:2]
    )
    if not segments:
        return None, None
    labels = tuple(dict.fromkeys(segment.label for _, _, segment in segments if segment.label))
    return segments[0][2].index, " / ".join(labels) or None


def _days(line: Line) -> int:
    return (line.end - line.start).days if line.end else 0
