"""Segments made by dates: every day on which a line begins or ends parts one segment from the next. Pure."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from connector.domain.contract import DatedSegment, Line
from connector.domain.issues import IssueCode, Source, block
from connector.domain.period import add_months
from connector.mapping.reading import Reader

#: A line with the segment's number and name, as far as the CRM gives them.
Given = tuple[Line, int | None, str | None]


def dated_segments(reader: Reader, lines: Sequence[Given]) -> tuple[DatedSegment, ...]:
    """Return the segments of a contract; one that never changes and names none has none.

    A name counts when the lines that begin there agree on it; else the segments are years, if all are, or numbered.
    A number that a line gives is checked against the dates. Issue: SEGMENT_ORDER.
    """
    days = sorted({day for line, _, _ in lines for day in (line.start, line.end) if day is not None})
    stretches = [
        (start, end)
        for start, end in pairwise(days)
        if any(line.start <= start and (line.end is None or start < line.end) for line, _, _ in lines)
    ]
    if len(stretches) < 2 and not any(label for _, _, label in lines):
        return ()
    years = all(add_months(start, 12) == end for start, end in stretches)
    segments = tuple(
        DatedSegment(start, end, index, _name(lines, start) or f"{'Year' if years else 'Segment'} {index}")
        for index, (start, end) in enumerate(stretches, 1)
    )
    for line, index, _ in lines:
        found = segment_on(segments, line.start)
        if index is not None and found is not None and index != found.index:
            message = (
                f"{line.product.name}: the line says segment {index}, by its dates it begins in segment {found.index}."
            )
            remedy = "Correct the start of the line, or its segment; dates decide."
            source = reader.notes.origins.get((line.ref, "segment_index"), Source(line.ref))
            reader.notes.issues.append(block(IssueCode.SEGMENT_ORDER, source, message, remedy))
    return segments


def segment_on(segments: Sequence[DatedSegment], day: date) -> DatedSegment | None:
    """Return the segment that a day lies in."""
    return next((each for each in segments if each.start <= day < each.end), None)


def _name(lines: Sequence[Given], start: date) -> str | None:
    names = {label for line, _, label in lines if line.start == start and label}
    return names.pop() if len(names) == 1 else None
