"""Which schedule bills a one-time line: the first that still runs on its day and has room for one more amount."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from connector.compile.deal import one_off_days, revision_numbers
from connector.compile.group import Group
from connector.compile.limits import ONE_OFFS
from connector.domain.contract import Line

#: One-time lines by the schedule that bills them (Group.key).
Carried = Mapping[tuple[int, int], tuple[Line, ...]]


def carry(groups: Sequence[Group], lines: Iterable[Line]) -> Carried:
    """Return the one-time lines of each group; where none has room, the first has one too many (LIMIT_ONE_OFFS).

    What a later order adds to a day counts only for lines of that order and after it.
    """
    carried: dict[tuple[int, int], list[Line]] = defaultdict(list)
    taken = {group.key: [*_own(group)] for group in groups}
    numbers = revision_numbers(groups[0].contract) if groups else {}
    for line in lines:
        runs = [group for group in groups if line.start < group.period.end]
        last = max(groups, key=lambda group: group.period.end)
        group = next((one for one in runs if _room(one, line, taken, numbers)), runs[0] if runs else last)
        taken[group.key].append((numbers[line.ref], _day(line, group)))
        carried[group.key].append(line)
    return {group.key: tuple(carried[group.key]) for group in groups}


def _room(
    group: Group, line: Line, taken: Mapping[tuple[int, int], list[tuple[int, date]]], numbers: Mapping[str, int]
) -> bool:
    day, number = _day(line, group), numbers[line.ref]
    days = Counter(when for by, when in taken[group.key] if by <= number)
    return days[day] < ONE_OFFS


def _own(group: Group) -> Iterable[tuple[int, date]]:
    numbers = revision_numbers(group.contract)
    for line in group.lines:
        yield from ((numbers[line.ref], day) for day in one_off_days(line, group.billing[line.ref], group.contract))


def _day(line: Line, group: Group) -> date:
    """Return the first day of the phase that bills the line; what comes after the end is billed on the last day."""
    return max(line.start, group.period.start)
