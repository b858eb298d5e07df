"""How a back-fill is shown: the page of the dry run, and a bar, or a line now and then, while it runs."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connector.backfill.overview import Estimate, Money, Overview
from connector.backfill.report_html import NOT_BILLED, WORDS
from connector.cli.output import err, out, say
from connector.domain.money import text
from connector.journal import Backfill, BackfillItem

VERDICTS: Mapping[str, str] = {
    "apply": "to apply",
    "needs_approval": "to approve",
    "nothing": "unchanged",
    "skipped": "not active or on hold",
    "refuse": "refused",
    "": "not looked at yet",
}
LEFT_OUT: Mapping[str, str] = {"same": "part of a contract that is selected", "dates": "begin on other days"}
#: Seconds between two lines where nobody looks at a terminal.
QUIET = 10.0


def print_overview(page: Overview) -> None:
    """Print the page for people."""
    for line in overview_lines(page):
        out.print(line, markup=False)


def overview_lines(page: Overview) -> Iterator[str]:
    """Yield the page, line by line."""
    backfill = page.backfill
    yield f"Back-fill {backfill.id}  {backfill.connection}  {state_words(backfill)}"
    yield f"  selection  {backfill.selection['words']}"
    yield f"  contracts  {page.selected:,}{_left_out(page)}"
    if page.not_planned:
        yield f"             {page.not_planned:,} records are not looked at yet"
    yield ""
    shown = page.outcomes if backfill.applied_at else page.verdicts
    words, money = (WORDS, page.money) if backfill.applied_at else (VERDICTS, page.planned_money)
    for name in (each for each in words if shown.get(each)):
        changes = page.changes if name == "apply" and not backfill.applied_at else {}
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in changes.items())
        yield f"  {shown[name]:>9,}  {words[name]}{f'  ({kinds})' if kinds else ''}"
        billed = () if name in NOT_BILLED else money.get(name, ())
        yield from (f"             {_money(each)}" for each in billed if each.sold or each.to_bill)
    yield from _issues(page)
    yield ""
    if not backfill.applied_at:
        yield f"  takes      {estimate_words(page.estimate)}"
    yield from (f"  asks       {reason}" for reason in backfill.reasons)
    if backfill.digest:
        yield f"  digest     {backfill.digest}"


def state_words(backfill: Backfill) -> str:
    """Return where a back-fill stands, in words."""
    if backfill.paused:
        return f"paused by {backfill.paused['by']}: {backfill.paused['reason']}"
    return {
        "selecting": "being listed",
        "planning": "dry run under way",
        "planned": "dry run; nothing is applied yet",
        "applying": "being applied",
        "done": "done",
    }[backfill.phase]


def estimate_words(estimate: Estimate) -> str:
    """Return what applying takes, in words."""
    left = f" of {estimate.crm_left:,} left today" if estimate.crm_left is not None else ""
    seconds = estimate.seconds
    spent = f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} min"
    spent = spent if seconds >= 120 else f"{seconds:.0f} s"
    writes = sum(estimate.stripe_writes.values())
    return (
        f"{estimate.stripe_calls:,} Stripe calls ({writes:,} writes), up to {estimate.crm_calls:,} CRM calls{left}; "
        f"at least {spent} at the present limits"
    )


def _left_out(page: Overview) -> str:
    parts = [f"{count:,} {LEFT_OUT.get(why, why)}" for why, count in page.left_out.items()]
    return f"  (left out: {', '.join(parts)})" if parts else ""


def _money(money: Money) -> str:
    words = f"sold {text(money.sold, money.currency)}, Stripe bills {text(money.to_bill, money.currency)}"
    if not money.difference:
        return words
    reasons = (f"{reason} {text(minor, money.currency)}" for reason, minor in sorted(money.reasons.items()))
    return f"{words}, difference {text(money.difference, money.currency)} ({', '.join(reasons)})"


def _issues(page: Overview) -> Iterator[str]:
    if page.issues:
        yield ""
    for issue in page.issues:
        sign = "!" if issue.severity == "block" else "~"
        many = f"{issue.count:,} contracts, such as" if issue.count > 1 else "1 contract:"
        yield f"  {sign} {issue.code}  {many} {', '.join(issue.records)}"
        yield f"      {issue.message}"
        yield f"      fix: {issue.remedy}"


class Meter:
    """Shows how far a back-fill is: a bar on a terminal, else a line every ten seconds. Use it as a context manager."""

    def __init__(
        self, what: str, total: int, remaining: Callable[[], int], budget: Callable[[], str], *, bar: bool | None = None
    ) -> None:
        """`remaining` counts what is left for all processes, `budget` tells what is left of the vendors' limits."""
        self._what, self._total = what, total
        self._remaining, self._budget = remaining, budget
        self._counts: Counter[str] = Counter()
        self._began = self._said = time.monotonic()
        self._done = 0
        self._bar = self._progress() if (err.is_terminal if bar is None else bar) else None
        self._task = self._bar.add_task(what, total=total, words="") if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._draw(time.monotonic())
            self._bar.stop()

    def settled(self, item: BackfillItem) -> None:
        """Hear of one contract."""
        self.moved(WORDS.get(item.outcome or "", item.outcome or ""), 1)

    def moved(self, what: str, count: int) -> None:
        """Hear of some more."""
        self._counts[what] += count
        self._done += count
        now = time.monotonic()
        if now - self._said >= (0.5 if self._bar else QUIET):
            self._said = now
            self._draw(now)

    def _draw(self, now: float) -> None:
        left = self._remaining()
        done = max(0, self._total - left)
        rate = self._done / max(now - self._began, 1e-9)
        counts = ", ".join(f"{count:,} {word}" for word, count in self._counts.items())
        words = f"{rate:,.1f}/s  {counts}  {self._budget()}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, words=words)
        else:
            eta = f"{left / rate / 60:,.0f} min left" if rate else "no end in sight"
            say(f"{self._what}: {done:,} of {self._total:,}, {eta}, {words}")

    @staticmethod
    def _progress() -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, TextColumn("{task.fields[words]}"), console=err)
